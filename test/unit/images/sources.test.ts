import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digest } from '../../../images/key.ts';
import { parseWords } from '../../../images/members.ts';
import {
  mainMirror,
  parseIndexTargets,
  parsePackageList,
  parseSimulation,
  parseStanzas,
  sourceLine,
  withFirmware,
  withoutFirmware,
} from '../../../images/sources.ts';

const TARGETS = [
  'Packages|http://deb.debian.org/debian/|bookworm|main',
  'Packages|http://deb.debian.org/debian/|bookworm|main',
  'DEP-11|http://deb.debian.org/debian/|bookworm|main',
  'Packages|http://deb.debian.org/debian/|bookworm|non-free-firmware',
  'Packages|http://deb.debian.org/debian-security/|bookworm-security|main',
  'Packages|http://deb.debian.org/debian/|bookworm-backports|main',
  'Packages|https://download.docker.com/linux/debian/|bookworm|stable',
  'Packages|http://download.proxmox.com/debian/pve/|bookworm|pve-no-subscription',
  'Packages|https://apt.example.com/|bookworm|main',
].join('\n');

describe("the host's apt sources", () => {
  it("are reduced to Debian's own archive of the host's release", () => {
    const sources = parseIndexTargets(TARGETS, 'bookworm').map((source) => sourceLine(source, '/k.gpg'));
    expect(sources).toEqual([
      'deb [signed-by=/k.gpg] http://deb.debian.org/debian-security/ bookworm-security main',
      'deb [signed-by=/k.gpg] http://deb.debian.org/debian/ bookworm main',
      'deb [signed-by=/k.gpg] http://deb.debian.org/debian/ bookworm non-free-firmware',
    ]);
  });

  it('are given their firmware, each from its own mirror, or have it taken away', () => {
    const sources = parseIndexTargets(TARGETS, 'bookworm');
    const lines = withFirmware(sources).map((source) => sourceLine(source, ''));
    expect(lines).toEqual([
      'deb http://deb.debian.org/debian-security/ bookworm-security main',
      'deb http://deb.debian.org/debian/ bookworm main',
      'deb http://deb.debian.org/debian-security/ bookworm-security non-free-firmware',
      'deb http://deb.debian.org/debian/ bookworm non-free-firmware',
    ]);
    expect(withoutFirmware(withFirmware(sources)).map((source) => source.component)).toEqual(['main', 'main']);
  });

  it('name the mirror for another suite', () => {
    const sources = parseIndexTargets(TARGETS, 'bookworm');
    expect(mainMirror(sources, 'bookworm')).toBe('http://deb.debian.org/debian/');
    expect(mainMirror(sources, 'trixie')).toBeUndefined();
  });
});

describe("apt's answers", () => {
  it('of a simulated installation are names with versions', () => {
    const output =
      'Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64]) []\nConf libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])\nInst kmod (30+20221128-1 Debian:12 [amd64])\n';
    expect(parseSimulation(output)).toEqual(['libc6=2.36-9+deb12u14', 'kmod=30+20221128-1']);
  });

  it('of package records are the files that it downloads, with the hash that was signed', () => {
    const stanza = 'Package: busybox\nVersion: 1:1.35.0-4\nArchitecture: amd64\nFilename: pool/b.deb\nSHA256: abc\nDescription: x\n more\n';
    expect(parseStanzas(`${stanza}\n${stanza}\nPackage: virtual-only\n`)).toEqual([
      { file: 'busybox_1%3a1.35.0-4_amd64.deb', hash: 'SHA256:abc' },
    ]);
  });
});

describe('the list of packages', () => {
  it('is read with its optional ones and the architecture put in', () => {
    expect(parsePackageList('# kernel\nlinux-image-@ARCH@\n\n?firmware-misc-nonfree # where it is offered\n', 'amd64')).toEqual({
      required: ['linux-image-amd64'],
      optional: ['firmware-misc-nonfree'],
    });
  });

  it('keeps what opens volumes and arrays where only the rescue shell looks, and no rule that starts it', () => {
    const text = (name: string): string => readFileSync(new URL(`../../../images/agent/${name}`, import.meta.url), 'utf8');
    const lines = text('userland.list')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const opens = lines.filter((line) => /mdadm|lvm|cryptsetup|zfs|ntfs|dmsetup/.test(line));
    expect(opens).toHaveLength(3);
    expect(opens.filter((line) => !line.endsWith(' > usr/lib/rackseed/rescue'))).toEqual([]);
    const rules = lines.filter((line) => line.includes('.rules')).map((line) => line.replace(/.*\/\d+-/, ''));
    expect(rules.filter((rule) => /md|lvm|dm|net-setup|btrfs|multipath|bcache/.test(rule))).toEqual([]);
    expect(text('files/init')).not.toMatch(/usr\/lib\/rackseed\/rescue\b/);
    expect(text('files/usr/lib/rackseed/rescue-shell')).toContain('/usr/lib/rackseed/rescue:');
  });
});

describe('a content address', () => {
  it('tells apart lists that read the same when joined', () => {
    expect(digest(['ab', 'c'])).not.toBe(digest(['a', 'bc']));
    expect(digest(['ab', 'c'])).toBe(digest(['ab', Buffer.from('c')]));
  });
});

describe("the recipe's words", () => {
  it('are gathered over lines', () => {
    expect(parseWords('absent foo\nabsent bar\nmodules 260\nfirmware 0 54\n')).toEqual({
      absent: ['foo', 'bar'],
      modules: ['260'],
      firmware: ['0', '54'],
    });
  });
});
