// Makes the unpacked system this machine's own: names, network, password, keys, first-boot program.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Answer, FirstBoot } from '../logic/answer.ts';
import { type Port, renderHosts, renderInterfaces, renderLinks, type Settings } from '../logic/network.ts';
import { TARGET } from './disks.ts';
import { run } from './shell.ts';

export interface Configured {
  readonly answer: Answer;
  readonly settings: Settings;
  readonly ports: readonly Port[];
  readonly firstBoot: Buffer | null;
  readonly rootUuid: string;
}

function put(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(`${TARGET}/${path}`), { recursive: true });
  writeFileSync(`${TARGET}/${path}`, content);
  chmodSync(`${TARGET}/${path}`, mode);
}

/** Gives the machine id. */
export function configure({ answer, settings, ports, firstBoot, rootUuid }: Configured): string {
  const { global } = answer;
  put('etc/hostname', `${settings.fqdn.host}\n`);
  put('etc/hosts', renderHosts(settings));
  put('etc/network/interfaces', renderInterfaces(settings, ports));
  put('etc/resolv.conf', `search ${settings.fqdn.domain}\nnameserver ${settings.dns}\n`);
  for (const [path, content] of Object.entries(renderLinks(settings, ports))) put(path, content);
  put('etc/timezone', `${global.timezone}\n`);
  put('etc/fstab', `UUID=${rootUuid} / ext4 errors=remount-ro 0 1\nproc /proc proc defaults 0 0\n`);
  if (global.sshKeys.length > 0) {
    put('root/.ssh/authorized_keys', `${global.sshKeys.join('\n')}\n`, 0o600);
    chmodSync(`${TARGET}/root/.ssh`, 0o700);
  }
  const { password } = global;
  const isHashed = 'hashed' in password;
  run('chroot', [TARGET, 'chpasswd', ...(isHashed ? ['-e'] : [])], `root:${isHashed ? password.hashed : password.plain}\n`);
  if (answer.firstBoot !== null && firstBoot !== null) putFirstBoot(answer.firstBoot, firstBoot);
  run('systemd-machine-id-setup', [`--root=${TARGET}`]);
  return readFileSync(`${TARGET}/etc/machine-id`, 'utf8').trim();
}

const FIRST_BOOT = '/var/lib/proxmox-first-boot';

/** Where it stands in the order of things that start. */
const TARGETS: Readonly<Record<FirstBoot['ordering'], string>> = {
  'before-network': 'Before=network-pre.target\nWants=network-pre.target',
  'network-online': 'After=network-online.target\nWants=network-online.target',
  'fully-up': 'After=ssh.service networking.service console-up.service',
};

/** Its flag goes only when it ends well: one that fails runs again at each boot. */
function putFirstBoot({ ordering }: FirstBoot, program: Buffer): void {
  put(`${FIRST_BOOT}/proxmox-first-boot`, program, 0o755);
  put(`${FIRST_BOOT}/pending-first-boot-setup`, '');
  const unit = `[Unit]
Description=First boot setup
${TARGETS[ordering]}
ConditionPathExists=${FIRST_BOOT}/pending-first-boot-setup

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${FIRST_BOOT}/proxmox-first-boot ${ordering}
ExecStartPost=/bin/rm ${FIRST_BOOT}/pending-first-boot-setup
StandardOutput=journal+console
`;
  put('etc/systemd/system/proxmox-first-boot.service', unit);
  mkdirSync(`${TARGET}/etc/systemd/system/multi-user.target.wants`, { recursive: true });
  run('ln', ['-sf', '../proxmox-first-boot.service', `${TARGET}/etc/systemd/system/multi-user.target.wants/proxmox-first-boot.service`]);
}

const KEY_KINDS = ['ecdsa', 'ed25519', 'rsa'] as const;

/** Made anew for this machine, with the comment that a key of it has. */
export function makeHostKeys(host: string): Readonly<Record<(typeof KEY_KINDS)[number], string>> {
  const made = KEY_KINDS.map((kind) => {
    const path = `${TARGET}/etc/ssh/ssh_host_${kind}_key`;
    if (existsSync(path)) throw new Error(`${path} is on the ISO already`);
    run('ssh-keygen', ['-q', '-t', kind, ...(kind === 'rsa' ? ['-b', '2048'] : []), '-N', '', '-C', `root@${host}`, '-f', path]);
    return [kind, readFileSync(`${path}.pub`, 'utf8').trim()] as const;
  });
  return Object.fromEntries(made) as Record<(typeof KEY_KINDS)[number], string>; // each kind is in it
}
