"""Runs a program on a new terminal: terminal.py PROGRAM WORD... < JSON of [[PROMPT, ANSWER]...].

An answer that is a number is sent as a signal, and null notes whether the terminal echoes. A list is
a program that gets the text on the terminal, and whose output is the answer. {"columns": N} changes
the width of the terminal, which is $COLUMNS at first. With
NO_CONTROLLING_TERMINAL in the environment, the terminal is not the controlling one of the program.
With JOB_CONTROL, the program has a parent in its session, as in a shell.

Prints JSON: the exit code, the text on the terminal, whether the terminal echoes at the end, and
the notes.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time



def resize(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


script = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    if "COLUMNS" in os.environ:
        resize(0, int(os.environ["COLUMNS"]))
    if "NO_CONTROLLING_TERMINAL" in os.environ:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fcntl.ioctl(0, termios.TIOCNOTTY)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if os.fork():  # only the leader of a session would get it back by opening it
            os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    if "JOB_CONTROL" in os.environ:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        child = os.fork()
        if child:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
# The machine may be busy.
shown, at, end = b"", 0, time.monotonic() + 180
echoes, notes = None, []
while time.monotonic() < end:
    if script and script[0][0].encode() in shown[at:]:
        at = len(shown)
        answer = script.pop(0)[1]
        if answer is None:
            notes.append(bool(termios.tcgetattr(terminal)[3] & termios.ECHO))
        elif isinstance(answer, dict):
            resize(terminal, answer["columns"])
        elif isinstance(answer, int):
            os.killpg(os.tcgetpgrp(terminal), answer)
            time.sleep(0.3)  # the program has to act on it
        elif isinstance(answer, list):
            os.write(terminal, subprocess.run(answer, input=shown, stdout=subprocess.PIPE).stdout)
        else:
            os.write(terminal, answer.encode())
    if select.select([terminal], [], [], 0.05)[0]:
        echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # on Linux: the program has closed the terminal
            break
        if not piece:
            break
        shown += piece
else:
    os.kill(pid, 9)
status = os.waitpid(pid, 0)[1]
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"code": code, "shown": shown.decode(), "echoes": echoes, "notes": notes}))
