// [disk-setup]: which disks, and what is made of them. Pure. Knows no machine: whether the filters choose what was meant is asked elsewhere.

import { at, knows, numberAt, quoted, type Subject, tableAt, textAt, textsAt } from './finding.ts';
import { TITLES } from './releases.ts';
import { checkGlobs } from './rules-network.ts';

/** The least disks of a level. */
export const LEAST_DISKS: Readonly<Record<string, number>> = { raid0: 1, raid1: 2, raid10: 4, 'raidz-1': 3, 'raidz-2': 4, 'raidz-3': 5 };

const OPTIONS: Readonly<Record<string, string>> = { ext4: 'lvm', xfs: 'lvm', zfs: 'zfs', btrfs: 'btrfs' };

export function checkDisks(subject: Subject): void {
  if (tableAt(subject, 'disk-setup') === undefined) return;
  const filesystem = textAt(subject, 'disk-setup.filesystem') ?? '';
  const options = OPTIONS[filesystem];
  checkSelection(subject);
  checkFilter(subject, options);
  if (options === undefined) return;
  checkForeignOptions(subject, filesystem, options);
  if (options === 'lvm') checkLvm(subject, filesystem);
  else checkRaid(subject, options);
  if (filesystem === 'btrfs' && subject.release.product !== 'pve')
    subject.error('disk-setup.filesystem', `only ${TITLES.pve} is installed on btrfs`, 'Write "zfs", "ext4" or "xfs".');
  if (subject.bootMode === 'bios')
    subject.warn(
      'disk-setup',
      'a machine that starts by BIOS is not installed on disks with sectors of 4096 bytes (4Kn)',
      'Have it start by UEFI, or choose disks with sectors of 512 bytes.',
    );
}

// ---- which disks ----------------------------------------------------------------------------------------------------------------

const LIST = 'disk-setup.disk-list';
const FILTER = 'disk-setup.filter';
const HOW = 'Write disk-list = ["sda"], or filter.ID_SERIAL = "*S4EVNX0N*".';

function checkSelection(subject: Subject): void {
  const [list, filter] = [textsAt(subject, LIST), tableAt(subject, FILTER)];
  if (at(subject.document, LIST) !== undefined && list === undefined) return;
  if (at(subject.document, FILTER) !== undefined && filter === undefined) return;
  const isFiltered = filter !== undefined && Object.keys(filter).length > 0;
  if (list === undefined || list.length === 0) {
    if (!isFiltered) subject.error('disk-setup', 'it chooses no disks', HOW);
    return;
  }
  // Before 9.0 an empty table counts as a filter too.
  if (isFiltered || (filter !== undefined && subject.isText && !knows(subject, '9.0.4')))
    subject.error(FILTER, '"disk-list" and "filter" may not stand side by side', 'Leave one of them out.');
  checkList(subject, list);
}

const WHOLE_DISK = /^(?:\/dev\/)?(?:(?:sd|vd|xvd)[a-z]{1,3}|hd[a-z]|nvme\d+n\d+|mmcblk\d+|cciss[/!]c\d+d\d+)$/;

function checkList(subject: Subject, list: readonly string[]): void {
  const twice = list.find((disk, index) => list.indexOf(disk) !== index);
  if (twice !== undefined) subject.error(LIST, `${quoted(twice)} stands there twice`, 'Name each disk once.');
  for (const disk of list) {
    if (disk === '') subject.error(LIST, 'an empty name fits the first disk there is', 'Write the name of a disk, such as "sda".');
    else if (disk.includes('/by-'))
      subject.error(LIST, `${quoted(disk)} is not found: the installer knows kernel names only`, 'Use a filter: filter.ID_SERIAL = "…".');
    else if (!WHOLE_DISK.test(disk))
      subject.warn(
        LIST,
        `${quoted(disk)} is no usual disk's name; it fits the first whose path ends so`,
        'Write such as "sda", "nvme0n1".',
      );
  }
  if (list.some((disk) => WHOLE_DISK.test(disk)))
    subject.warn(LIST, 'kernel names can move from one start to the next', 'Choose by a filter on ID_SERIAL or ID_WWN where it matters.');
}

/** Properties that every disk has. */
const ALWAYS = ['DEVNAME', 'DEVPATH', 'DEVTYPE', 'MAJOR', 'MINOR', 'SUBSYSTEM', 'DISKSEQ'];

function checkFilter(subject: Subject, options: string | undefined): void {
  const filter = tableAt(subject, FILTER) ?? {};
  checkGlobs(subject, FILTER, filter);
  const match = textAt(subject, 'disk-setup.filter-match');
  const names = Object.keys(filter);
  if (match === undefined) return;
  const key = 'disk-setup.filter-match';
  if (names.length === 0) subject.warn(key, 'it does nothing without a filter', 'Leave it out.');
  else if (match !== 'all') return;
  else if (options === 'lvm')
    subject.warn(key, 'ext4 and xfs do not heed it: they take the first disk that any pattern fits', 'Let one exact pattern choose.');
  else if (!names.some((name) => ALWAYS.includes(name)))
    subject.warn(
      key,
      'with "all" a disk that lacks a property is taken as if it fitted',
      'Add a pattern on DEVNAME, which every disk has.',
    );
}

// ---- what is made of them -------------------------------------------------------------------------------------------------------

function checkForeignOptions(subject: Subject, filesystem: string, own: string): void {
  for (const other of ['zfs', 'lvm', 'btrfs']) {
    if (other === own || at(subject.document, `disk-setup.${other}`) === undefined) continue;
    subject.error(
      `disk-setup.${other}`,
      `it may not stand beside filesystem = "${filesystem}"`,
      `Leave it out; "${own}" is for ${filesystem}.`,
    );
  }
}

function checkRaid(subject: Subject, filesystem: string): void {
  const key = `disk-setup.${filesystem}.raid`;
  if (at(subject.document, key) === undefined) {
    const levels = filesystem === 'zfs' ? 'raid0, raid1, raid10, raidz-1, raidz-2, raidz-3' : 'raid0, raid1, raid10';
    subject.error(key, `it is missing, though filesystem = "${filesystem}" needs it`, `Write one of ${levels}.`);
    return;
  }
  const level = textAt(subject, key) ?? '';
  const list = textsAt(subject, LIST) ?? [];
  const least = LEAST_DISKS[level.toLowerCase()];
  if (least === undefined || list.length === 0) return;
  if (list.length < least)
    subject.error(LIST, `${level} takes ${least} disks or more, here are ${list.length}`, 'Name more disks, or take another level.');
  else if (level.toLowerCase() === 'raid10' && list.length % 2 === 1) checkOdd(subject, filesystem, list.length);
}

/** ZFS: pairs, always. btrfs itself takes an odd number, and so does an installer before 9.2.6. */
function checkOdd(subject: Subject, filesystem: string, count: number): void {
  if (filesystem === 'btrfs' && !knows(subject, '9.2.0')) return;
  subject.error(LIST, `raid10 takes an even number of disks, here are ${count}`, 'Leave one out, or name one more.');
}

function checkLvm(subject: Subject, filesystem: string): void {
  const list = textsAt(subject, LIST) ?? [];
  if (list.length > 1) subject.error(LIST, `${filesystem} is made on one disk, here are ${list.length}`, 'Name one disk, or take zfs.');
  const [swap, size] = [numberAt(subject, 'disk-setup.lvm.swapsize'), numberAt(subject, 'disk-setup.lvm.hdsize')];
  if (swap !== undefined && size !== undefined && swap > size / 2)
    subject.error('disk-setup.lvm.swapsize', `${swap} GiB is more than half of hdsize`, `Write ${size / 2} or less.`);
  checkShares(subject, size);
}

/** The installer itself clips these. */
function checkShares(subject: Subject, size: number | undefined): void {
  const { product } = subject.release;
  if (product !== 'pve' && numberAt(subject, 'disk-setup.lvm.maxvz') !== undefined)
    subject.warn('disk-setup.lvm.maxvz', `there is no data volume on ${TITLES[product]}`, 'Leave it out.');
  for (const name of ['maxroot', 'maxvz', 'minfree']) {
    const share = numberAt(subject, `disk-setup.lvm.${name}`);
    if (share !== undefined && size !== undefined && share > size)
      subject.warn(`disk-setup.lvm.${name}`, `${share} GiB is more than hdsize`, `Write less than ${size}.`);
  }
}
