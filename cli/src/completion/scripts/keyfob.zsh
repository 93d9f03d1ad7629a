#compdef keyfob
# Completion of keyfob for zsh. In ~/.zshrc, after compinit: source <(keyfob completion zsh)
# Or as the file _keyfob in a folder of $fpath.

_keyfob() {
    local line value about first
    local -a plain folders
    local -a before=("${(@Q)words[2,CURRENT-1]}")
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        about=${line#*$'\t'}
        # No candidate begins with a tab. What is a number here is safe in arithmetic.
        if [[ $line == $'\tcommand '<-> ]]; then
            first=${line##* }
            shift $first words
            ((CURRENT -= first))
            _normal
            return
        fi
        # The tilde has its meaning only without quotes, so the rest is quoted here.
        if [[ $PREFIX == '~/'* ]]; then
            value="~/${(q)value#\~/}"
        fi
        # The colon separates the value from what it is; a backslash is taken off.
        line=${value//\\/\\\\}
        line=${line//:/\\:}${about:+:$about}
        if [[ $value == */ ]]; then
            folders+=("$line")
        else
            plain+=("$line")
        fi
    done < <(keyfob completion --word="${(Q)PREFIX}" -- "${before[@]}" 2>/dev/null)
    local -a quoting=()
    # What begins with a tilde is quoted already.
    [[ $PREFIX == '~/'* ]] && quoting=(-Q)
    _describe -V keyfob plain $quoting -- folders -S '' $quoting
}

if [[ $funcstack[1] == _keyfob ]]; then
    _keyfob "$@"
else
    compdef _keyfob keyfob
fi
