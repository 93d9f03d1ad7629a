"""Makes a virtual environment with the given packages, once: install.py FOLDER PACKAGE..."""

import fcntl
import os
import subprocess
import sys

folder, packages = sys.argv[1], sys.argv[2:]
done = os.path.join(folder, "installed.txt")
os.makedirs(os.path.dirname(folder), exist_ok=True)
# A second process waits. The lock is released with this process, however it ends.
lock = os.open(folder + ".lock", os.O_CREAT | os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
wanted = "\n".join(packages)
if not os.path.exists(done) or open(done).read() != wanted:
    subprocess.check_call([sys.executable, "-m", "venv", "--clear", folder])
    pip = os.path.join(folder, "bin", "pip")
    subprocess.check_call([pip, "install", "--quiet", "--disable-pip-version-check", *packages])
    with open(done, "w") as file:
        file.write(wanted)
