"""The same files on any machine: wheels of Python packages, of fixed versions, for Windows and Linux.

They hold programs of both, in many sizes, and beside them what packages are made of: source, data, pictures, notices.
Nothing of it is installed or run.
"""

import pathlib
import subprocess
import sys
import zipfile

VERSIONS = {
    "cryptography": "50.0.2",
    "lxml": "6.1.3",
    "numpy": "2.4.6",
    "pandas": "3.1.1",
    "pillow": "13.0.0",
    "scipy": "1.17.1",
}
FOR_WINDOWS = {"debugpy": "1.8.22", "grpcio": "1.85.3", "h5py": "3.16.0", "pywin32": "312", "wxPython": "4.3.2"}
LINUX = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_26_x86_64", "manylinux_2_24_x86_64"]


def packaged(cache):
    """The folder of the unpacked wheels, made at the first call. None if they cannot be had."""
    folder = cache / "fileset"
    done = folder / "complete"
    if done.exists():
        return str(folder)
    print("downloading wheels into", folder, file=sys.stderr)
    for system, platforms, versions in (
        ("windows", ["win_amd64"], VERSIONS | FOR_WINDOWS),
        ("linux", LINUX, VERSIONS),
    ):
        wheels = folder / f"{system}-wheels"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet",
                   "--disable-pip-version-check", "--implementation", "cp", "--python-version", "3.11", "--abi", "cp311",
                   "--abi", "abi3", "--abi", "none", "--dest", str(wheels)]
        for platform in platforms:
            command += ["--platform", platform]
        command += [f"{name}=={version}" for name, version in versions.items()]
        if subprocess.run(command, check=False).returncode:
            return None
        for wheel in sorted(wheels.glob("*.whl")):
            with zipfile.ZipFile(wheel) as opened:
                opened.extractall(folder / system / wheel.name.split("-")[0])
    done.touch()
    return str(folder)


if __name__ == "__main__":
    print(packaged(pathlib.Path(sys.argv[1])) or "the wheels cannot be had")
