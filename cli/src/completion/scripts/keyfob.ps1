# Completion of keyfob for PowerShell. In $PROFILE:
#   keyfob completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName 'keyfob' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $word = "$wordToComplete".Trim('"', "'")
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($_.Value) { "$($_.Value)" } else { "$_" } })

    & keyfob completion "--word=$word" '--' @before 2>$null |
        Where-Object { $_ -notlike "`t*" } |
        ForEach-Object {
            $value, $about = $_ -split "`t", 2
            if (-not $about) { $about = $value }
            $text = $value
            # PowerShell takes these for its own in a word without quotes.
            if ($value -match '[\s''"`$(){};,|&<>@#\u2018-\u201f]') {
                $text = "'" + ($value -replace "(['\u2018-\u201b])", '$1$1') + "'"
            }
            [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
        }
}
