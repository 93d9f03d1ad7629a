"""Creates a virtual environment of the tests, unless it exists: tools.py FOLDER NAME PACKAGE..."""

import fcntl
import pathlib
import shutil
import subprocess
import sys

folder, packages = pathlib.Path(sys.argv[1]), sys.argv[3:]
folder.mkdir(parents=True, exist_ok=True)
venv = folder / sys.argv[2]
stamp = venv / "packages"
# The operating system releases the lock when this process exits, even if it is killed.
with open(folder / "lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not stamp.exists() or stamp.read_text().split("\n") != packages:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input"]
        subprocess.run([*pip, *packages], check=True)
        stamp.write_text("\n".join(packages))
