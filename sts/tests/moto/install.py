"""Creates a virtual environment with the given packages, once: install.py FOLDER PACKAGE..."""

import fcntl
import pathlib
import subprocess
import sys
import venv

folder, packages = pathlib.Path(sys.argv[1]), sys.argv[2:]
complete = folder / "complete"
folder.parent.mkdir(parents=True, exist_ok=True)
with open(f"{folder}.lock", "w") as lock:
    # Tests run at the same time: the first one installs, the others wait.
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not complete.exists() or complete.read_text() != " ".join(packages):
        venv.create(folder, clear=True, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(pip, check=True)
        complete.write_text(" ".join(packages))
