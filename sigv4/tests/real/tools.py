"""Creates the virtual environment FOLDER/NAME with PACKAGES once; other processes wait for it."""

import fcntl
import pathlib
import subprocess
import sys
import venv

folder, name, *packages = pathlib.Path(sys.argv[1]), *sys.argv[2:]
folder.mkdir(parents=True, exist_ok=True)
with open(folder / f"{name}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = folder / name / "packages"
    wanted = "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        venv.create(folder / name, with_pip=True, clear=True)
        pip = [folder / name / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", *packages], check=True)
        done.write_text(wanted)
