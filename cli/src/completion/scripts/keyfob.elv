# Completion of keyfob for elvish. In ~/.config/elvish/rc.elv: eval (keyfob completion elvish | slurp)

use str

set edit:completion:arg-completer[keyfob] = {|@words|
    var word = $words[-1]
    var before = $words[1..-1]
    try {
        keyfob completion --word=$word -- $@before 2>/dev/null | from-lines | each {|line|
            var value about = (str:split &max=2 "\t" $line)
            if (not-eq $value '') {
                var suffix = ' '
                if (str:has-suffix $value /) {
                    set suffix = ''
                }
                var shown = $value
                if (not-eq $about '') {
                    set shown = $value'  '$about
                }
                edit:complex-candidate $value &code-suffix=$suffix &display=$shown
            }
        }
    } catch _ {
        nop
    }
}
