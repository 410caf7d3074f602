//! Which of the file systems that are mounted here may hang: those whose files come from somebody else than this machine's
//! kernel and disks. Which of them the program will touch is not known before links are followed, so one is enough.

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Only what the kernel itself answers for.
    None,
    /// It cannot be told, or only the root is of the other kind: if that hangs, the program itself could not have been read.
    Unknown,
    /// A file system that another process or machine answers for.
    MayHang,
}

/// More than this is a node with very many mounts.
const MOST_BYTES: usize = 64 * 1024;

/// Looks at `/proc/self/mountinfo` (proc_pid_mountinfo(5)), which never hangs itself.
#[cfg(target_os = "linux")]
pub fn risk() -> Risk {
    let Ok(file) = openat(CWD, "/proc/self/mountinfo", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    else {
        return Risk::Unknown;
    };
    // Not wiped before it is read into, and hardly more than a container's mounts after that.
    let mut text = Vec::with_capacity(2 * 1024);
    while text.len() < MOST_BYTES {
        if text.len() == text.capacity() {
            text.reserve(text.len());
        }
        match rustix::io::read(&file, spare_capacity(&mut text)) {
            Ok(0) => return std::str::from_utf8(&text).map_or(Risk::MayHang, of),
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Risk::Unknown,
        }
    }
    Risk::Unknown
}

/// Other systems do not tell it in a file.
#[cfg(not(target_os = "linux"))]
pub fn risk() -> Risk {
    Risk::None
}

/// The greatest risk of all lines. A line ends with the type, the source and the options of the file system; its fifth
/// field is where that is mounted.
fn of(text: &str) -> Risk {
    let risks = text.split('\n').filter(|line| !line.is_empty()).map(|line| {
        let mut fields = line.rsplitn(4, ' ');
        match (fields.nth(1), fields.next(), fields.next()) {
            (Some(_), Some(kind), Some(_)) if is_local(kind) => Risk::None,
            (Some(_), Some(kind), Some(before)) => match (kind, before.split(' ').nth(4)) {
                (_, Some("/")) => Risk::Unknown,
                (_, Some(place)) if is_of_the_system(kind, place) => Risk::None,
                _ => Risk::MayHang,
            },
            _ => Risk::MayHang,
        }
    });
    risks.max().unwrap_or(Risk::Unknown)
}

/// File systems whose files the kernel has, or reads from a disk.
fn is_local(kind: &str) -> bool {
    matches!(
        kind,
        "tmpfs"
            | "overlay"
            | "proc"
            | "sysfs"
            | "cgroup"
            | "cgroup2"
            | "devtmpfs"
            | "devpts"
            | "mqueue"
            | "ext4"
            | "xfs"
            | "btrfs"
            | "ext2"
            | "ext3"
            | "zfs"
            | "f2fs"
            | "bcachefs"
            | "erofs"
            | "squashfs"
            | "vfat"
            | "exfat"
            | "iso9660"
            | "udf"
            | "ntfs3"
            | "jfs"
            | "ramfs"
            | "rootfs"
            | "aufs"
            | "shiftfs"
            | "bpf"
            | "binfmt_misc"
            | "configfs"
            | "cpuset"
            | "debugfs"
            | "efivarfs"
            | "fusectl"
            | "hugetlbfs"
            | "nsfs"
            | "pstore"
            | "rpc_pipefs"
            | "securityfs"
            | "selinuxfs"
            | "smackfs"
            | "tracefs"
    )
}

/// What desktops and nodes mount for other purposes, where no configuration lies.
fn is_of_the_system(kind: &str, place: &str) -> bool {
    match kind {
        "autofs" => ["/proc/", "/boot", "/efi"].iter().any(|system| place.starts_with(system)),
        "fuse.gvfsd-fuse" | "fuse.portal" | "fuse.lxcfs" | "fuse.snapfuse" => true,
        _ => matches!(place, "/etc/hosts" | "/etc/hostname" | "/etc/resolv.conf" | "/dev/termination-log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINER: &str = "\
609 541 0:53 / / rw,relatime master:232 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d
610 609 0:56 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
611 609 0:57 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
615 609 254:1 /var/lib/kubelet/pods/x/etc-hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw
619 609 0:51 / /opt/kubeclarity-pull-secrets/one ro,relatime - tmpfs tmpfs rw,size=24684084k
";

    fn with(line: &str) -> Risk {
        of(&format!("{CONTAINER}{line}\n"))
    }

    #[test]
    fn a_container_with_secrets_has_no_risk() {
        assert_eq!(of(CONTAINER), Risk::None);
        for harmless in [
            "45 29 0:40 / /run/user/1000/gvfs rw,nosuid,nodev,relatime shared:1 - fuse.gvfsd-fuse gvfsd-fuse rw,user_id=1000",
            "46 29 0:41 / /proc/sys/fs/binfmt_misc rw,relatime shared:13 - autofs systemd-1 rw,fd=29,pgrp=1",
            "47 29 0:42 / /sys/fs/fuse/connections rw,relatime shared:18 - fusectl fusectl rw",
            "48 29 0:43 / /etc/resolv.conf rw,relatime - 9p none rw,trans=fd",
        ] {
            assert_eq!(with(harmless), Risk::None, "{harmless}");
        }
    }

    #[test]
    fn what_others_answer_for_may_hang() {
        for remote in [
            "45 29 0:40 / /home/x rw,relatime shared:1 - nfs4 server:/home rw,vers=4.2",
            "45 29 0:40 / /home/x rw,relatime - fuse.sshfs user@host: rw,user_id=0",
            "45 29 0:40 / /home/x rw - fuse /dev/fuse rw,user_id=0",
            "45 29 0:40 / /mnt/with\\040blank rw shared:1 master:2 - cifs //server/x rw",
            "45 29 0:40 / /net/x rw - autofs auto.net rw,fd=5",
            "45 29 0:40 / /opt/kubeclarity-pull-secrets/two ro - virtiofs secrets rw",
            "45 29 0:40 / /x rw - somethingnew none rw",
            "45 29 0:40 / /x rw - tmpfs none rw,an option",
            "no line of that file",
        ] {
            assert_eq!(with(remote), Risk::MayHang, "{remote}");
        }
    }

    #[test]
    fn the_root_alone_cannot_be_told() {
        for root in
            ["1 1 0:40 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw", "1 1 0:40 / / rw - 9p none rw"]
        {
            assert_eq!(with(root), Risk::Unknown, "{root}");
        }
        assert_eq!(of(""), Risk::Unknown);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells_it() {
        let _ = risk();
        assert!(std::fs::read_to_string("/proc/self/mountinfo").is_ok_and(|text| !text.is_empty()));
    }
}
