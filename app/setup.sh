# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What ./app/run, ./tests/run and ./.ci/run share; sourced by them. Each step says one line, asks nothing, and
# costs nothing where it is done already.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The names are the same in Debian 12, Debian 13 and Ubuntu 24.04.
packages=(
    g++ cmake ninja-build pkg-config
    qt6-base-dev qt6-declarative-dev qt6-wayland qt6-qpa-plugins libgl1-mesa-dri
    qml6-module-qtqml qml6-module-qtqml-models qml6-module-qtqml-workerscript
    qml6-module-qtquick qml6-module-qtquick-controls qml6-module-qtquick-dialogs qml6-module-qtquick-layouts
    qml6-module-qtquick-templates qml6-module-qtquick-window qml6-module-qtquick-shapes
    qml6-module-qt-labs-folderlistmodel qml6-module-qtcore qml6-module-qttest
    libfmt-dev nlohmann-json3-dev libsqlite3-dev libmd4c-dev
    fonts-inter fonts-jetbrains-mono fonts-noto-cjk fonts-noto-color-emoji
    libjs-katex fonts-katex # formulas; without them answers show their TeX
)

step() { printf '==> %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a command with its output in a file, and shows the end of that file where the command fails.
logged() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 60 "$log" >&2
        fail "$1 failed; all of its output is in $log"
    fi
}

missing_packages() {
    local found # names that dpkg never heard of are an error to dpkg-query, and missing to us
    found=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true) "
    for package in "$@"; do
        [[ $found == *" installed:$package "* ]] || printf '%s\n' "$package"
    done
}

# Sets as_root to what runs a command as root; ends with the message where nothing does.
become_root() {
    as_root=()
    ((EUID != 0)) || return 0
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n) # without a terminal nobody could type a password
    if ! command -v sudo >/dev/null || ! "${as_root[@]}" true; then
        fail "$1"
    fi
}

# install_packages NAME...
install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        step "No apt-get here. Needed by hand: a C++20 compiler, CMake 3.25, Ninja, Qt 6.4 or newer (Base with
    D-Bus, Declarative with Quick Controls, Dialogs and Test, Wayland), fmt, nlohmann-json, SQLite with FTS5,
    md4c, KaTeX with its fonts, and the fonts Inter, JetBrains Mono, Noto Sans CJK and Noto Color Emoji"
        return
    fi
    local missing as_root
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    become_root "packages are missing; as root: apt-get install ${missing[*]}"
    mkdir -p "$root/build"
    step "Installing ${#missing[@]} packages: ${missing[*]}"
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600)
    logged "$root/build/apt.log" "${as_root[@]}" update
    logged "$root/build/apt.log" "${as_root[@]}" install --no-install-recommends "${missing[@]}"
}

# By the driver's word, else by the PCI bus: vendor 10de, class 0300 (VGA) or 0302 (3D).
has_nvidia_gpu() {
    nvidia-smi -L 2>/dev/null | grep -q '^GPU ' && return
    if command -v lspci >/dev/null; then
        [[ -n $(lspci -d 10de::0300 2>/dev/null; lspci -d 10de::0302 2>/dev/null) ]]
        return
    fi
    local device
    for device in /sys/bus/pci/devices/*; do
        [[ $(cat "$device/vendor" 2>/dev/null) == 0x10de && $(cat "$device/class" 2>/dev/null) == 0x030[02]* ]] &&
            return
    done
    return 1
}

# build PRESET [TARGET...]
build() {
    local folder=$root/build/$1 preset=$1
    shift
    local cache=$folder/CMakeCache.txt
    if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
        step "build/$preset belongs to another place: starting afresh"
        rm -rf "$folder"
    fi
    mkdir -p "$folder"
    if [[ ! -f $folder/build.ninja ]]; then
        step "Configuring build/$preset"
        if command -v ccache >/dev/null; then
            export CMAKE_CXX_COMPILER_LAUNCHER=ccache
        fi
        (cd "$root" && logged "$folder/configure.log" cmake --preset "$preset") || exit 1
    fi
    local command=(cmake --build "$folder")
    (($#)) && command+=(--target "$@")
    step "Building $preset"
    if [[ -t 1 ]]; then # ninja then keeps to one line
        "${command[@]}" || fail "the build failed"
    else
        logged "$folder/build.log" "${command[@]}"
    fi
}
