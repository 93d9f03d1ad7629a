# Completion of keyfob for Nushell, an external completer that passes on all other commands.
#   keyfob completion nushell | save -f ($nu.data-dir | path join vendor/autoload/keyfob.nu)

$env.config.completions.external.enable = true
$env.config.completions.external.completer = do {|others|
    {|spans: list<string>|
        if ($spans | first) != keyfob {
            return (if $others != null { do $others $spans })
        }
        let word = $spans | last
        let before = $spans | skip 1 | drop 1
        ^keyfob completion $"--word=($word)" -- ...$before e> (if $nu.os-info.name == windows { 'NUL' } else { '/dev/null' })
        | lines
        | where {|line| not ($line starts-with (char tab)) }
        | each {|line|
            let parts = $line | split row -n 2 (char tab)
            let value = $parts.0
            {
                # Nushell takes these for its own in a word without quotes.
                value: (if $value =~ '[\s''"`$(){}\[\];|#]' { $value | to json } else { $value })
                description: ($parts | get -o 1 | default '')
            }
        }
    }
} $env.config.completions.external.completer?
