# windows.ps1 - what only a real Windows shows: service, access lists, walls.
# SPDX-License-Identifier: Apache-2.0
#
#   powershell -ExecutionPolicy Bypass -File windows.ps1 -Bin C:\build\bin
#       [-Token C:\token.json -Pin countersign-pin:...] [-Only NAME] [-Keep]
#
# As administrator, on a machine that may be thrown away, from Windows
# PowerShell 5.1 or PowerShell 7. -Bin: the folder with countersignd.exe,
# countersign-courier.exe, countersign-runner.exe and countersign.exe of
# `make cross`. With -Token and -Pin (of a console that can be reached) the
# installed agent is enrolled and its service tried; else that is skipped.
#
# Prints `ok NAME`, `not ok NAME: why` or `skip NAME: why` for each, and at the
# end `N passed, N failed, N skipped`; ends with 1 if any failed.
#
# `observe` and `repair` may be offered on Windows only after every wall.* line
# is ok, on Windows 10, 11, Server 2019 and 2022, as LocalSystem (see -AsSystem
# below) and as an administrator. Each attempt is also made unconfined first: one
# that fails there proves nothing, and is reported as a failure.

param(
    [Parameter(Mandatory)] [string] $Bin,
    [string] $Token,
    [string] $Pin,
    [string] $Only,
    [switch] $Keep,
    # Runs all of this again as LocalSystem, by a scheduled task.
    [switch] $AsSystem
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$script:passed = 0; $script:failed = 0; $script:skipped = 0
$service = 'Countersign'
$home_ = Join-Path $env:ProgramFiles 'Countersign'
$data = Join-Path $env:ProgramData 'Countersign'
$work = Join-Path $env:SystemDrive ('\countersign-test-' + [guid]::NewGuid().ToString('n'))
$runner = Join-Path $Bin 'countersign-runner.exe'
$shell = Join-Path $env:SystemRoot 'System32\WindowsPowerShell\v1.0\powershell.exe'
$cmd = Join-Path $env:SystemRoot 'System32\cmd.exe'

# ---- telling ----

function Skip([string] $why) { throw [System.OperationCanceledException]::new($why) }

function Test([string] $name, [scriptblock] $body) {
    if ($Only -and $name -notlike "$Only*") { return }
    try {
        & $body
        $script:passed++
        Write-Output "ok $name"
    } catch [System.OperationCanceledException] {
        $script:skipped++
        Write-Output "skip ${name}: $($_.Exception.Message)"
    } catch {
        $script:failed++
        Write-Output "not ok ${name}: $(($_ | Out-String).Trim() -replace '\s+', ' ')"
    }
}

function Must([bool] $condition, [string] $what) {
    if (-not $condition) { throw $what }
}

# Until the condition holds, at most so long; the system's own waits are used
# where there are any.
function Wait-Until([scriptblock] $condition, [string] $what, [int] $seconds = 30) {
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $event = New-Object System.Threading.ManualResetEvent $false
    while (-not (& $condition)) {
        if ($clock.Elapsed.TotalSeconds -gt $seconds) { throw "waited in vain for $what" }
        [void] $event.WaitOne(100)
    }
}

# ---- running ----

# Runs a program with its output kept: an object with Code, Out, Err, Seconds.
function Run([string] $program, [string[]] $arguments, [int] $seconds = 60) {
    $start = New-Object Diagnostics.ProcessStartInfo $program
    $start.Arguments = ($arguments | ForEach-Object {
        if ($_ -match '[\s"]' -or $_ -eq '') {
            '"' + ($_ -replace '(\\*)"', '$1$1\"' -replace '(\\+)$', '$1$1') + '"'
        } else { $_ }
    }) -join ' '
    $start.UseShellExecute = $false
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.RedirectStandardInput = $true
    $p = [Diagnostics.Process]::Start($start)
    $p.StandardInput.Close()
    $out = $p.StandardOutput.ReadToEndAsync()
    $err = $p.StandardError.ReadToEndAsync()
    if (-not $p.WaitForExit($seconds * 1000)) {
        $p.Kill()
        throw "$program took longer than $seconds s"
    }
    [pscustomobject]@{ Code = $p.ExitCode; Out = $out.Result; Err = $err.Result }
}

function Encode([string] $text) {
    [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($text))
}

# A PowerShell text inside of a profile ('full': unconfined). Declared folders
# are for repair.
function Inside([string] $profile_, [string] $text, [string[]] $roots = @(), [int] $seconds = 90) {
    $line = @($shell, '-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass',
        '-EncodedCommand', (Encode ("`$ProgressPreference='SilentlyContinue';" + $text)))
    if ($profile_ -eq 'full') { return Run $line[0] $line[1..7] $seconds }
    Run $runner (@('--inside', $profile_) + $roots + @('--') + $line) $seconds
}

# An attempt says DONE if it did what it is to be kept from. It is made
# unconfined first, then in each profile; $undo puts things back in between.
function Wall([string] $name, [string] $text, [scriptblock] $undo = {},
    [string[]] $profiles = @('observe', 'repair')) {
    foreach ($profile_ in $profiles) {
        Test "wall.$profile_.$name" {
            $control = Inside 'full' $text
            & $undo
            Must ($control.Out -match 'DONE') "it fails unconfined too: $($control.Out) $($control.Err)"
            $roots = if ($profile_ -eq 'repair') { @($declared) } else { @() }
            $r = Inside $profile_ $text $roots
            $left = $r.Out -match 'DONE'
            & $undo
            Must (-not $left) "it did it: $($r.Out)"
            Must ($r.Err -match "profile=$profile_ ") "it was not run: $($r.Err)"
        }
    }
}

# ---- what is here ----

$me = [Security.Principal.WindowsIdentity]::GetCurrent()
$isAdmin = (New-Object Security.Principal.WindowsPrincipal $me).IsInRole(
    [Security.Principal.WindowsBuiltInRole]::Administrator)
if (-not $isAdmin) { Write-Error 'run this as administrator' }

if ($AsSystem -and $me.User.Value -ne 'S-1-5-18') {
    $log = Join-Path $env:SystemRoot 'Temp\countersign-test.log'
    Remove-Item $log -ErrorAction SilentlyContinue
    $again = "-NoProfile -ExecutionPolicy Bypass -Command `"& '$PSCommandPath' -Bin '$Bin' *> '$log'`""
    $action = New-ScheduledTaskAction -Execute $shell -Argument $again
    $who = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -RunLevel Highest
    Register-ScheduledTask CountersignTest -Action $action -Principal $who -Force | Out-Null
    Start-ScheduledTask CountersignTest
    Wait-Until { (Get-ScheduledTask CountersignTest).State -eq 'Ready' } 'the task' 1800
    Unregister-ScheduledTask CountersignTest -Confirm:$false
    Get-Content $log
    exit $(if ((Get-Content $log -Tail 1) -match ' 0 failed') { 0 } else { 1 })
}

New-Item -ItemType Directory $work | Out-Null
$declared = Join-Path $work 'declared'
$outside = Join-Path $work 'outside'
New-Item -ItemType Directory $declared, $outside | Out-Null
Set-Content (Join-Path $outside 'file') 'untouched'

# ---- programs ----

Test 'programs.versions' {
    foreach ($n in 'countersignd', 'countersign-courier', 'countersign-runner', 'countersign') {
        $r = Run (Join-Path $Bin "$n.exe") @('--version')
        Must ($r.Code -eq 0 -and $r.Out -match "^$n ") "${n}: $($r.Code) $($r.Out)"
    }
}

Test 'programs.selftest' {
    $r = Run (Join-Path $Bin 'countersignd.exe') @('selftest', '--config', (Join-Path $work 'none.json'))
    Must ($r.Code -ne 0) 'a configuration that is not there was taken'
}

Test 'programs.offer_full_alone' {
    $r = Run $runner @('--probe')
    Must ($r.Out -match '(?m)^profile full yes') $r.Out
    Must ($r.Out -match '(?m)^profile observe no') $r.Out
    Must ($r.Out -match '(?m)^profile repair no') $r.Out
}

# ---- jobs: what `full` promises ----

Test 'job.grandchild_ends' {
    # A detached grandchild of a confined run is gone when the run is.
    $file = Join-Path $declared 'pid'
    $text = "`$p = Start-Process '$cmd' '/c ping -n 600 127.0.0.1' -PassThru -WindowStyle Hidden;" +
        "Set-Content '$file' `$p.Id"
    $r = Inside 'repair' $text @($declared)
    Must ($r.Err -match 'survivors=[1-9]') $r.Err
    $id = [int] (Get-Content $file)
    Must (-not (Get-Process -Id $id -ErrorAction SilentlyContinue)) "process $id lives"
}

Test 'job.no_breakaway' {
    $text = @'
Add-Type -Namespace N -Name K -MemberDefinition '
[StructLayout(LayoutKind.Sequential)] public struct SI { public int cb; public IntPtr a, b, c; public int d, e, f, g, h, i, j, k; public short l, m; public IntPtr n, o, p, q; }
[StructLayout(LayoutKind.Sequential)] public struct PI { public IntPtr p, t; public int pid, tid; }
[DllImport("kernel32", SetLastError=true, CharSet=CharSet.Unicode)] public static extern bool CreateProcess(string a, System.Text.StringBuilder l, IntPtr p, IntPtr t, bool i, int f, IntPtr e, IntPtr d, ref SI s, out PI o);'
$s = New-Object N.K+SI; $s.cb = [Runtime.InteropServices.Marshal]::SizeOf($s)
$o = New-Object N.K+PI
$l = New-Object Text.StringBuilder "cmd.exe /c exit"
if ([N.K]::CreateProcess($null, $l, 0, 0, $false, 0x01000000, 0, 0, [ref]$s, [ref]$o)) { 'DONE' } else { 'refused' }
'@
    foreach ($profile_ in 'observe', 'repair') {
        $r = Inside $profile_ $text
        Must ($r.Out -match 'refused') "${profile_}: $($r.Out) $($r.Err)"
    }
}

Test 'job.memory_limit' {
    $text = '$a = New-Object Collections.ArrayList; try { while ($true) { [void]$a.Add((New-Object byte[] 64MB)) } } finally { "end" }'
    $r = Inside 'observe' $text
    Must ($r.Code -ne 0) "it got all the memory it wanted: $($r.Out)"
}

Test 'job.process_limit' {
    $text = '$n = 0; try { 1..64 | ForEach-Object { Start-Process ping.exe "-n 60 127.0.0.1" -WindowStyle Hidden; $n++ } } catch {}; $n'
    $r = Inside 'observe' $text
    Must ([int] ($r.Out.Trim() -split '\s+')[-1] -lt 32) "it started $($r.Out)"
}

# ---- what a confined run still can do, or it is of no use ----

Test 'use.powershell_starts' {
    foreach ($profile_ in 'observe', 'repair') {
        $r = Inside $profile_ '"up " + $ExecutionContext.SessionState.LanguageMode'
        Must ($r.Out -match 'up ') "${profile_}: $($r.Code) $($r.Out) $($r.Err)"
    }
}

Test 'use.user32_programs_start' {
    foreach ($profile_ in 'observe', 'repair') {
        $r = Inside $profile_ 'whoami.exe /user; where.exe cmd'
        Must ($r.Code -eq 0 -and $r.Out -match 'cmd.exe') "${profile_}: $($r.Code) $($r.Out) $($r.Err)"
    }
}

Test 'use.reads' {
    foreach ($profile_ in 'observe', 'repair') {
        $r = Inside $profile_ 'Get-Service | Select-Object -First 3; Get-Process | Select-Object -First 3; Get-Content C:\Windows\System32\drivers\etc\hosts'
        Must ($r.Code -eq 0) "${profile_}: $($r.Out) $($r.Err)"
    }
}

Test 'use.own_temp' {
    foreach ($profile_ in 'observe', 'repair') {
        $r = Inside $profile_ 'Set-Content $env:TEMP\x y; Get-Content $env:TEMP\x; $env:TEMP'
        Must ($r.Out -match '(?m)^y') "${profile_}: $($r.Out) $($r.Err)"
        $temp = ($r.Out.Trim() -split '\r?\n')[-1]
        Must (-not (Test-Path $temp)) "$temp is left"
    }
}

Test 'use.declared_folder' {
    $r = Inside 'repair' "Set-Content '$declared\made' x; 'wrote'" @($declared)
    Must ($r.Out -match 'wrote' -and (Test-Path "$declared\made")) "$($r.Out) $($r.Err)"
    # The grant is taken back.
    $names = (Get-Acl $declared).Access | ForEach-Object { $_.IdentityReference.Value }
    Must (-not ($names -match '^S-1-5-21-\d+-\d+-\d+-\d+$' | Where-Object { $_ -notlike "$($me.User.AccountDomainSid)*" })) "left: $names"
}

# ---- walls: section 7 of the design, the Windows list ----

Wall 'write_windows' 'try { Set-Content C:\Windows\countersign-test x; "DONE" } catch { "$_" }' {
    Remove-Item C:\Windows\countersign-test -ErrorAction SilentlyContinue }
Wall 'write_root' 'try { Set-Content C:\countersign-test x; "DONE" } catch { "$_" }' {
    Remove-Item C:\countersign-test -ErrorAction SilentlyContinue }
Wall 'write_program_data' 'try { Set-Content C:\ProgramData\countersign-test x; "DONE" } catch { "$_" }' {
    Remove-Item C:\ProgramData\countersign-test -ErrorAction SilentlyContinue }
Wall 'write_startup' 'try { Set-Content "C:\ProgramData\Microsoft\Windows\Start Menu\Programs\StartUp\countersign-test.cmd" x; "DONE" } catch { "$_" }' {
    Remove-Item 'C:\ProgramData\Microsoft\Windows\Start Menu\Programs\StartUp\countersign-test.cmd' -ErrorAction SilentlyContinue }
Wall 'write_outside' "try { Set-Content '$outside\new' x; 'DONE' } catch { `"`$_`" }" {
    Remove-Item "$outside\new" -ErrorAction SilentlyContinue }
Wall 'change_outside' "try { Add-Content '$outside\file' x; 'DONE' } catch { `"`$_`" }" {
    Set-Content "$outside\file" 'untouched' }
Wall 'stream_on_outside' "try { Set-Content '$outside\file' x -Stream hidden; 'DONE' } catch { `"`$_`" }" {
    Remove-Item "$outside\file" -Stream hidden -ErrorAction SilentlyContinue }
Wall 'remove_outside' "try { Remove-Item '$outside\file'; 'DONE' } catch { `"`$_`" }" {
    Set-Content "$outside\file" 'untouched' }
Wall 'run_key' 'try { New-ItemProperty HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Run CountersignTest -Value x | Out-Null; "DONE" } catch { "$_" }' {
    Remove-ItemProperty HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Run CountersignTest -ErrorAction SilentlyContinue }
Wall 'service_config' 'sc.exe config Spooler start= demand | Out-Null; if ($LASTEXITCODE -eq 0) { "DONE" }' {
    sc.exe config Spooler start= auto | Out-Null }
Wall 'service_create' 'sc.exe create CountersignTest binPath= C:\x.exe | Out-Null; if ($LASTEXITCODE -eq 0) { "DONE" }' {
    sc.exe delete CountersignTest | Out-Null }
Wall 'scheduled_task' 'schtasks.exe /create /f /tn CountersignTest /tr calc.exe /sc once /st 00:00 | Out-Null; if ($LASTEXITCODE -eq 0) { "DONE" }' {
    schtasks.exe /delete /f /tn CountersignTest 2>&1 | Out-Null }
Wall 'register_task' '$a = New-ScheduledTaskAction -Execute calc.exe; try { Register-ScheduledTask CountersignTest2 -Action $a -Force -ErrorAction Stop | Out-Null; "DONE" } catch { "$_" }' {
    Unregister-ScheduledTask CountersignTest2 -Confirm:$false -ErrorAction SilentlyContinue }
# The documented way out of a job: the new process is not in it. It must not
# start, or must be as restricted and gone with the run.
Wall 'wmi_process' "`$r = Invoke-CimMethod Win32_Process Create @{CommandLine='$cmd /c echo x>$outside\wmi'}; [void](New-Object Threading.ManualResetEvent `$false).WaitOne(3000); if (Test-Path '$outside\wmi') { 'DONE' }" {
    Remove-Item "$outside\wmi" -ErrorAction SilentlyContinue }
Wall 'bits_job' "try { Import-Module BitsTransfer; Start-BitsTransfer -Source C:\Windows\System32\drivers\etc\hosts -Destination '$outside\bits'; 'DONE' } catch { `"`$_`" }" {
    Remove-Item "$outside\bits" -ErrorAction SilentlyContinue }
Wall 'com_local_server' "try { `$s = New-Object -ComObject Shell.Application; `$s.NameSpace('$outside').NewFolder('com'); if (Test-Path '$outside\com') { 'DONE' } } catch { `"`$_`" }" {
    Remove-Item "$outside\com" -Recurse -ErrorAction SilentlyContinue }
Wall 'save_sam' "reg.exe save HKLM\SAM '$outside\sam' /y 2>&1 | Out-Null; if (Test-Path '$outside\sam') { 'DONE' }" {
    Remove-Item "$outside\sam" -Force -ErrorAction SilentlyContinue }
# With all rights: what .NET asks for. The process is this script's own.
Wall 'open_other_process' "try { [void](Get-Process -Id $PID).Handle; 'DONE' } catch { `"`$_`" }"
Wall 'net_use' 'net.exe use \\127.0.0.1\C$ 2>&1 | Out-Null; if ($LASTEXITCODE -eq 0) { "DONE" }' {
    net.exe use \\127.0.0.1\C$ /delete /y 2>&1 | Out-Null }
Wall 'shut_down' 'shutdown.exe /s /t 600 2>&1 | Out-Null; if ($LASTEXITCODE -eq 0) { "DONE" }' {
    shutdown.exe /a 2>&1 | Out-Null }
Wall 'set_time' 'try { Set-Date (Get-Date).AddSeconds(1) | Out-Null; "DONE" } catch { "$_" }'
Wall 'impersonate' 'if ((whoami.exe /priv) -match "SeImpersonatePrivilege|SeDebugPrivilege|SeTcbPrivilege|SeBackupPrivilege|SeRestorePrivilege|SeTakeOwnershipPrivilege") { "DONE" }'

Test 'wall.repair.junction_in_declared_folder' {
    # A junction in the declared folder leads nowhere that was not declared.
    $text = "cmd /c mklink /j '$declared\j' '$outside' | Out-Null; try { Set-Content '$declared\j\through' x; 'DONE' } catch { `"`$_`" }"
    $r = Inside 'repair' $text @($declared)
    $done = Test-Path "$outside\through"
    if (Test-Path "$declared\j") { cmd /c rmdir "$declared\j" }
    Remove-Item "$outside\through" -ErrorAction SilentlyContinue
    Must (-not $done) "it wrote through it: $($r.Out)"
}

Test 'wall.repair.declared_folder_is_a_junction' {
    $link = Join-Path $work 'link'
    cmd /c mklink /j $link $outside | Out-Null
    $r = Inside 'repair' "'ran'" @($link)
    cmd /c rmdir $link
    Must ($r.Code -eq 125 -and $r.Out -notmatch 'ran') "it ran: $($r.Out) $($r.Err)"
}

Test 'wall.observe.environment' {
    $env:COUNTERSIGN_LEAK = 'leaked'
    $r = Inside 'observe' 'Get-ChildItem env: | Out-String'
    Remove-Item env:COUNTERSIGN_LEAK
    Must ($r.Out -notmatch 'leaked') 'the environment came along'
}

Test 'wall.observe.run_as' {
    $r = Inside 'observe' 'try { Start-Process cmd.exe "/c exit" -Verb RunAs; "DONE" } catch { "$_" }'
    Must ($r.Out -notmatch 'DONE') $r.Out
}

# ---- installed: service, access lists, event log ----

function Installed { [bool] (Get-Service $service -ErrorAction SilentlyContinue) }

function Accounts-With-Rights([string] $path) {
    (Get-Acl $path).Access | Where-Object { $_.AccessControlType -eq 'Allow' } | ForEach-Object {
        $_.IdentityReference.Translate([Security.Principal.SecurityIdentifier]).Value } | Sort-Object -Unique
}

Test 'install' {
    if (-not $Token -or -not $Pin) { Skip 'no -Token and -Pin' }
    Must (-not (Installed)) 'there is one already'
    New-Item -ItemType Directory -Force $home_ | Out-Null
    Copy-Item (Join-Path $Bin '*.exe') $home_
    $r = Run (Join-Path $home_ 'countersignd.exe') @('enrol', '--token', $Token, '--pin', $Pin, '--out', (Join-Path $work 'device.json'))
    Must ($r.Code -eq 0) "enrol: $($r.Err)"
    New-Service $service -BinaryPathName "`"$home_\countersignd.exe`"" -DisplayName 'Countersign agent' -StartupType Manual | Out-Null
    Start-Service $service
    Wait-Until { (Get-Service $service).Status -eq 'Running' } 'the service'
}

Test 'service.split' {
    if (-not (Installed)) { Skip 'not installed' }
    Wait-Until { Get-Process countersign-courier -ErrorAction SilentlyContinue } 'the courier'
    $c = Get-CimInstance Win32_Process -Filter "Name='countersign-courier.exe'"
    $owner = (Invoke-CimMethod $c GetOwnerSid).Sid
    Must ($owner -eq 'S-1-5-19') "the courier runs as $owner"
    $r = Run (Join-Path $home_ 'countersign.exe') @('status')
    Must ($r.Code -eq 0 -and $r.Out -match 'split\s+yes') "$($r.Out) $($r.Err)"
}

Test 'service.access_lists' {
    if (-not (Installed)) { Skip 'not installed' }
    $allowed = 'S-1-5-18', 'S-1-5-32-544', $me.User.Value
    foreach ($f in @(Get-Item $data) + (Get-ChildItem $data -Recurse)) {
        $others = Accounts-With-Rights $f.FullName | Where-Object { $_ -notin $allowed }
        Must (-not $others) "$($f.FullName): $others"
        Must ((Get-Acl $f.FullName).AreAccessRulesProtected -or $f.PSIsContainer -eq $false -or
            $f.FullName -ne $data) "$($f.FullName) inherits"
    }
}

Test 'service.key_is_sealed' {
    if (-not (Installed)) { Skip 'not installed' }
    $b = [IO.File]::ReadAllBytes((Join-Path $data 'state\device.key'))
    Must ($b.Length -gt 64) "it has $($b.Length) bytes"
    # The provider's GUID of a DPAPI blob, after its version.
    Must (([BitConverter]::ToString($b, 0, 8)) -eq '01-00-00-00-D0-8C-9D-DF') 'no DPAPI blob'
}

Test 'service.pipe_refuses_others' {
    if (-not (Installed)) { Skip 'not installed' }
    $name = 'cs-' + [guid]::NewGuid().ToString('n').Substring(0, 12)
    $secret = [guid]::NewGuid().ToString() + 'Aa1!'
    net.exe user $name $secret /add | Out-Null
    try {
        $credential = New-Object pscredential $name, (ConvertTo-SecureString $secret -AsPlainText -Force)
        $script_ = "try { `$p = New-Object IO.Pipes.NamedPipeClientStream '.', 'countersign-gate', 'InOut'; `$p.Connect(3000); 'DONE' } catch { 'refused' }"
        $out = Join-Path $env:SystemRoot 'Temp\countersign-pipe.txt'
        $p = Start-Process $shell "-NoProfile -EncodedCommand $(Encode $script_)" -Credential $credential -WorkingDirectory C:\ -PassThru -RedirectStandardOutput $out
        [void] $p.WaitForExit(30000)
        Must ((Get-Content $out) -match 'refused') "$(Get-Content $out)"
        Remove-Item $out
    } finally { net.exe user $name /delete | Out-Null }
}

Test 'tool.refuses_a_pipe_of_others' {
    $name = 'cs-' + [guid]::NewGuid().ToString('n').Substring(0, 12)
    $secret = [guid]::NewGuid().ToString() + 'Aa1!'
    net.exe user $name $secret /add | Out-Null
    try {
        $credential = New-Object pscredential $name, (ConvertTo-SecureString $secret -AsPlainText -Force)
        $script_ = "`$a = New-Object Security.AccessControl.PipeAccessRule 'Everyone', 'FullControl', 'Allow'; `$s = New-Object IO.Pipes.PipeSecurity; `$s.AddAccessRule(`$a); `$p = New-Object IO.Pipes.NamedPipeServerStream '$name', 'InOut', 1, 'Byte', 'Asynchronous', 0, 0, `$s; `$p.WaitForConnection(); Start-Sleep 5"
        $p = Start-Process $shell "-NoProfile -EncodedCommand $(Encode $script_)" -Credential $credential -WorkingDirectory C:\ -PassThru
        Wait-Until { [IO.Directory]::GetFiles('\\.\pipe\') -contains "\\.\pipe\$name" } 'the pipe'
        $r = Run (Join-Path $Bin 'countersign.exe') @('status', '--socket', "//./pipe/$name")
        Must ($r.Code -eq 4 -and $r.Err -match "another account's program") "$($r.Code) $($r.Err)"
    } finally { if ($p) { Stop-Process $p -Force -ErrorAction SilentlyContinue }; net.exe user $name /delete | Out-Null }
}

Test 'service.event_log' {
    if (-not (Installed)) { Skip 'not installed' }
    $e = Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = 'countersignd' } -MaxEvents 50
    Must ([bool] ($e | Where-Object { ($_.Properties | ForEach-Object { $_.Value }) -match 'ready device=' })) 'no line of its start'
    # The text of the viewer, where the package has registered it.
    if (Test-Path HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\countersignd) {
        Must ([bool] ($e | Where-Object { $_.Message -match '^ready device=' })) "no text: $($e[0].Message)"
    }
}

Test 'service.killed_and_started_again' {
    if (-not (Installed)) { Skip 'not installed' }
    $pids = Get-Process countersignd, countersign-courier | ForEach-Object { $_.Id }
    Stop-Process -Name countersignd -Force
    Wait-Until { -not (Get-Process -Id $pids -ErrorAction SilentlyContinue) } 'the end of all its processes'
    # The service manager starts it again: it was told so by itself.
    Wait-Until { (Run (Join-Path $home_ 'countersign.exe') @('status')).Code -eq 0 } 'an answer'
}

Test 'service.does_not_start_where_its_pipe_is_taken' {
    if (-not (Installed)) { Skip 'not installed' }
    Stop-Service $service
    $p = New-Object IO.Pipes.NamedPipeServerStream 'countersign-gate', 'InOut', 2
    try {
        Start-Service $service -ErrorAction SilentlyContinue
        Wait-Until { (Get-Service $service).Status -eq 'Stopped' } 'its end'
    } finally { $p.Dispose() }
    Start-Service $service
    Wait-Until { (Get-Service $service).Status -eq 'Running' } 'the service'
}

Test 'service.stops_and_says_so' {
    if (-not (Installed)) { Skip 'not installed' }
    Stop-Service $service
    Must ((Get-Service $service).Status -eq 'Stopped') 'it runs'
    $s = Get-CimInstance Win32_Service -Filter "Name='$service'"
    Must ($s.ExitCode -eq 0) "it ended with $($s.ExitCode)"
    Start-Service $service
}

Test 'service.preshutdown_is_accepted' {
    if (-not (Installed)) { Skip 'not installed' }
    $text = sc.exe query $service | Out-String
    Must ($text -match 'ACCEPTS_PRESHUTDOWN') $text
}

Test 'service.files_cannot_be_changed_while_it_runs' {
    if (-not (Installed)) { Skip 'not installed' }
    foreach ($n in 'countersign-runner', 'countersign-courier') {
        $moved = $true
        try { Rename-Item (Join-Path $home_ "$n.exe") "$n.old" } catch { $moved = $false }
        Must (-not $moved) "$n was renamed"
    }
}

Test 'uninstall' {
    if (-not (Installed) -or $Keep) { Skip 'not installed, or -Keep' }
    Stop-Service $service
    sc.exe delete $service | Out-Null
    Wait-Until { -not (Get-Process countersignd, countersign-courier, countersign-runner -ErrorAction SilentlyContinue) } 'its end'
    Remove-Item $home_ -Recurse -Force
    Remove-Item $data -Recurse -Force
}

# Sleep, hibernation and Fast Startup cannot be tried by a script that has to go
# on: send the machine to sleep for ten minutes with a card of a deadline of five
# that runs, and look that it is timed_out within seconds of waking.
Test 'timers_after_sleep' { Skip 'by hand: see the comment above it' }

if (-not $Keep) { Remove-Item $work -Recurse -Force }
Write-Output "$script:passed passed, $script:failed failed, $script:skipped skipped"
exit $(if ($script:failed -gt 0) { 1 } else { 0 })
