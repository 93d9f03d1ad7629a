# Completion of keyfob for bash. In ~/.bashrc: source <(keyfob completion bash)

_keyfob() {
    local rest=${COMP_LINE:0:COMP_POINT} trimmed at word line value
    local words=() starts=() last=-1
    # Bash splits words at = and : too. Those that touch are one word.
    for ((at = 0; at <= COMP_CWORD; at++)); do
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        word=${COMP_WORDS[at]}
        ((at == COMP_CWORD)) && word=$trimmed
        if ((at > 0)) && [[ $trimmed == "$rest" ]]; then
            words[last]+=$word
        else
            words[++last]=$word
            starts[last]=$at
        fi
        rest=${trimmed#"$word"}
    done

    local current=${words[last]} quote= prefix= breaks=
    case $current in
        [\'\"]*) quote=${current:0:1} current=${current:1} ;;
        *)
            current=${current//\\/}
            # What stands before the last of these characters stays as it is.
            [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
            [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
            [[ $breaks && $current == *["$breaks"]* ]] && prefix=${current%"${current##*["$breaks"]}"}
            ;;
    esac
    local before=("${words[@]:1:last-1}")
    before=("${before[@]//[\"\'\\]/}")

    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        # No candidate begins with a tab. What is a number here is safe in arithmetic.
        if [[ $line =~ ^$'\t'command\ ([0-9]+)$ ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset "${starts[BASH_REMATCH[1]]}"
                return
            fi
            continue
        fi
        value=${value#"$prefix"}
        case $quote in
            \')
                value=${value//"'"/"'\\''"}
                ;;
            \")
                # The history is expanded in these quotes, whatever is before it.
                [[ $value == *!* ]] && continue
                value=${value//\\/\\\\}
                value=${value//\"/\\\"}
                value=${value//\$/\\\$}
                value=${value//\`/\\\`}
                ;;
            *)
                case $value in
                    \~/*) printf -v value '~/%q' "${value#\~/}" ;;
                    *) printf -v value %q "$value" ;;
                esac
                ;;
        esac
        COMPREPLY+=("$value")
    done < <(keyfob completion --word="$current" -- "${before[@]}" 2>/dev/null)
    # More of a path follows.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _keyfob keyfob
