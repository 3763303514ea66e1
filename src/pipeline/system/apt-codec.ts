// What apt and dpkg say: what a command would do (`apt-get -s`), which packages are there. Pure.

export interface Simulated {
  /** name old → new; old is null where it is new. */
  readonly installs: readonly { readonly name: string; readonly from: string | null; readonly to: string }[];
  readonly removes: readonly string[];
}

/** Inst NAME [OLD] (NEW ORIGIN [ARCH]) and Remv NAME [OLD], as apt-get(8) has it. */
export function readSimulation(text: string): Simulated {
  const installs = [...text.matchAll(/^Inst (\S+) (?:\[([^\]]*)\] )?\((\S+) /gm)].map(([, name = '', from, to = '']) => ({
    name,
    from: from ?? null,
    to,
  }));
  return { installs, removes: [...text.matchAll(/^Remv (\S+)/gm)].map(([, name = '']) => name) };
}

/** Taking one of these away takes the node out of its cluster: apt offers that when repositories do not fit. */
const HOLDING =
  /^(?:proxmox-ve|pve-manager|pve-cluster|qemu-server|pve-container|corosync|ceph-(?:mon|osd|mgr|base)|zfsutils-linux|ifupdown2|openssh-server|proxmox-(?:default-)?kernel.*|systemd)$/;

export function holdingRemoved({ removes, installs }: Simulated): string[] {
  const again = new Set(installs.map(({ name }) => name));
  // Old kernels go by autoremove; one that is removed to make room for another is not held on to.
  return removes.filter((name) => HOLDING.test(name.replace(/:.*$/, '')) && !again.has(name) && !/^proxmox-kernel-\d/.test(name));
}

/** `dpkg-query -W -f '${Package}\t${db:Status-Status}\n'` */
export function installedOf(text: string): ReadonlySet<string> {
  const lines = text.split('\n').map((line) => line.split('\t'));
  return new Set(lines.flatMap(([name, status]) => (name !== undefined && status === 'installed' ? [name] : [])));
}
