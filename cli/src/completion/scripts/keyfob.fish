# Completion of keyfob for fish. Write it to ~/.config/fish/completions/keyfob.fish

function __keyfob_candidates
    set -l before (commandline -opc)
    set -e before[1]
    set -l word (commandline -ct)
    set -l lines (keyfob completion --word="$word" -- $before 2>/dev/null)
    # No candidate begins with a tab.
    if string match -qr '^\tcommand [0-9]+$' -- $lines[1]
        # From the name of the other program on; fish counts from 1, without keyfob.
        set -l first (string replace -r '^\tcommand ' '' -- $lines[1])
        complete -C (string join ' ' -- (string escape -- $before[$first..-1]) "$word")
        return
    end
    string join \n -- $lines
end

complete -c keyfob -f -k -a '(__keyfob_candidates)'
