import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OwnDisk } from '../../../src/boot/decide/own-disk-decide.ts';
import { type AgentBoot, compileScripts, type MachineBoot, type Message, type ScriptName } from '../../../src/boot/index.ts';
import { ipxeEfiPath, ipxeLines, ipxeText, ipxeWord } from '../../../src/boot/script/ipxe-text.ts';
import { type DiskWay, type InstallBoot, renderMachine, renderStart } from '../../../src/boot/script/script.ts';
import { parseIpxe, settingsIn, structureOf } from '../../support/ipxe.ts';

const read = (name: ScriptName): string => readFileSync(new URL(`../../../templates/ipxe/${name}.ipxe`, import.meta.url), 'utf8');
const scripts = compileScripts(read);
const message: Message = {
  appliance: '10.0.0.1',
  bootUrl: 'http://10.0.0.1:6386',
  reason: 'unknown machine, and enrolment is open',
  mac: '52:54:00:00:00:01',
  name: null,
};
const agent: AgentBoot = {
  ...message,
  kernel: 'agent/vmlinuz-amd64',
  initrd: 'agent/initrd-amd64',
  apiUrl: 'https://10.0.0.1:6385',
  fingerprint: 'ab'.repeat(32),
  secret: 'c2VjcmV0LXNlY3JldA',
  console: ['tty0', 'ttyS0,115200'],
  promise: 'No disk is written.',
  otherwise: 'own-disk',
};
const installer: InstallBoot = {
  ...message,
  reason: 'pve1 is in "wait call-back": installer boot 1 of at most 3',
  bootId: 'AAECAwQFBgcICQoLDA0ODw',
  title: 'Proxmox VE 9.1-1',
  bytes: 1_823_456_789,
  console: 'ttyS0,115200',
};
const auto: OwnDisk = { way: 'auto', path: null, by: 'boot.own_disk' };
const bios: DiskWay = { ownDisk: auto, platform: 'pcbios' };
const start = { appliance: '10.0.0.1', bootUrl: 'http://10.0.0.1:6386', ownDisk: auto };
/** Spelled in two parts, since the linter takes the whole for a slip. */
const setting = (name: string): string => `$${`{${name}}`}`;
const IPV6 = '[fd00:1111:2222:3333:4444:5555:6666:7777]';
const render = (boot: MachineBoot): string => renderMachine(scripts, boot);
const screens = (change: Partial<Message>): readonly string[] => [
  render({ run: 'hold', message: { ...message, ...change } }),
  render({ run: 'own-disk', message: { ...message, ...change }, disk: bios }),
  render({ run: 'agent', agent: { ...agent, ...change }, disk: bios }),
  render({ run: 'installer', installer: { ...installer, reason: message.reason, ...change } }),
];

describe('the first script', () => {
  it('sends every machine to its own script with all that it knows of itself, as URL text', () => {
    const parameters = [
      `mac=${setting('netX/mac:hexhyp')}`,
      `uuid=${setting('uuid')}`,
      `platform=${setting('platform')}`,
      `arch=${setting('buildarch')}`,
      ...['manufacturer', 'product', 'serial'].map((name) => `${name}=${setting(`${name}:uristring`)}`),
    ];
    expect(renderStart(scripts, start)).toContain(
      `chain --timeout 10000 --replace --autofree http://10.0.0.1:6386/boot/machine.ipxe?${parameters.join('&')} ||\n`,
    );
  });

  it('expands no text of the machine but as URL text', () => {
    const plain = new Set(['netX/ip', 'netX/gateway6', 'netX/mac:hexhyp', 'uuid', 'platform', 'buildarch']);
    for (const name of settingsIn(renderStart(scripts, start))) expect(plain.has(name) || name.endsWith(':uristring'), name).toBe(true);
  });

  it('goes to the disk when the appliance does not answer: by drive on BIOS, by loader on UEFI, else by the firmware', () => {
    const [, rest = ''] = renderStart(scripts, start).split(':failed\n');
    const [onBios, onEfi = ''] = rest.split(':efi\n');
    expect(onBios).toMatch(/iseq \S+ efi && goto efi \|\|\nsanboot --no-describe --drive 0x80 \|\|\nexit 1\n$/);
    expect(onEfi).toContain('sanboot --no-describe --drive 0 --filename \\EFI\\proxmox\\grubx64.efi ||\n');
    expect(onEfi).toMatch(/exit 1\n$/);
  });
});

describe('the script of a machine', () => {
  it('boots the agent with where to report, whom to trust, and the one-time secret', () => {
    expect(render({ run: 'agent', agent, disk: bios })).toBe(`#!ipxe
echo
echo Rackseed at 10.0.0.1
echo Machine 52:54:00:00:00:01
echo boots the Rackseed agent in RAM:
echo unknown machine, and enrolment is open
echo No disk is written.
kernel http://10.0.0.1:6386/boot/files/agent/vmlinuz-amd64 initrd=agent.img rackseed.url=https://10.0.0.1:6385 rackseed.fp=${'ab'.repeat(32)} rackseed.secret=c2VjcmV0LXNlY3JldA rackseed.mac=52:54:00:00:00:01 console=tty0 console=ttyS0,115200 || goto failed
initrd --name agent.img http://10.0.0.1:6386/boot/files/agent/initrd-amd64 || goto failed
boot || goto failed
:failed
imgfree ||
echo
echo The agent could not be loaded from http://10.0.0.1:6386
echo Next step: see what the appliance says with: rackseed node why 52:54:00:00:00:01
echo Going on to its own disk in 10 seconds.
sleep 10
sanboot --no-describe --drive 0x80 ||
exit 1
`);
  });

  it('boots the installer with its ISO as a file beside its RAM system, by the words that Proxmox has', () => {
    const at = `http://10.0.0.1:6386/boot/install/${installer.bootId}`;
    expect(render({ run: 'installer', installer })).toBe(`#!ipxe
echo
echo Rackseed at 10.0.0.1
echo Machine 52:54:00:00:00:01
echo boots the installer of Proxmox VE 9.1-1 in RAM:
echo pve1 is in wait call-back: installer boot 1 of at most 3
echo It erases the disks that were approved for it, and asks nothing.
imgfree ||
echo Kernel:
kernel ${at}/vmlinuz ramdisk_size=16777216 rw quiet initrd=initrd.img splash=silent proxmox-start-auto-installer console=tty0 console=ttyS0,115200 || goto failed
echo First RAM system:
initrd --name initrd.img ${at}/initrd.img || goto failed
echo Installer image, 1824 MB. This can take some minutes:
initrd --name proxmox.iso ${at}/proxmox.iso proxmox.iso || goto failed
echo Starting it. It unpacks the image in RAM first, and shows nothing meanwhile.
boot || goto failed
:failed
imgfree ||
echo
echo The installer could not be loaded from http://10.0.0.1:6386
echo The network broke off, or the image does not fit into its memory.
echo Next step: see what the appliance says with: rackseed node why 52:54:00:00:00:01
:again
echo Its disk is not started. Asking again in 60 seconds.
sleep 60
chain --timeout 10000 --replace --autofree http://10.0.0.1:6386/boot/start.ipxe || goto again
`);
  });

  it('gives the installer no console words unless one is set, and refuses an id that could change the script', () => {
    expect(render({ run: 'installer', installer: { ...installer, console: null } })).toMatch(
      / proxmox-start-auto-installer \|\| goto failed$/m,
    );
    for (const bootId of ['a b', 'a;b', 'a||b', '$x', ''])
      expect(() => render({ run: 'installer', installer: { ...installer, bootId } })).toThrow('boot script');
  });

  it('waits when the agent cannot be loaded and the disk is not to start', () => {
    const script = render({ run: 'agent', agent: { ...agent, otherwise: 'hold' }, disk: bios });
    expect(script).not.toMatch(/^\s*(?:exit|sanboot)/m);
    expect(script).toMatch(/:hold\n.*\nsleep 60\nchain .* http:\/\/10\.0\.0\.1:6386\/boot\/start\.ipxe \|\| goto hold\n$/);
  });

  it('never starts the disk of a machine that is held', () => {
    const script = render({ run: 'hold', message: { ...message, reason: 'pve1 is in "clean failed"' } });
    expect(script).not.toMatch(/^\s*(?:exit|sanboot)/m);
    expect(script).toContain('pve1 is in clean failed\n');
    expect(script).toContain(`Next step: rackseed node why ${message.mac}`);
  });

  it('tries what leads to its own disk, and gives the turn back to the firmware at last', () => {
    const ofWay = (ownDisk: Partial<OwnDisk>, platform: string | null): readonly string[] =>
      render({ run: 'own-disk', message, disk: { ownDisk: { ...auto, ...ownDisk }, platform } })
        .split('\n')
        .filter((line) => /^(?:sanboot|exit)/.test(line));
    const path = '\\EFI\\debian\\shimx64.efi';
    const loader = (name: string): string => `sanboot --no-describe --drive 0 --filename ${name} ||`;
    expect(ofWay({ way: 'exit' }, 'efi')).toEqual(['exit 1']);
    expect(ofWay({ way: 'chain', path: '\\EFI\\mine\\a.efi' }, 'efi')[0]).toBe(loader('\\EFI\\mine\\a.efi'));
    expect(ofWay({ way: 'chain' }, 'efi')).toContain(loader(path));
    expect(ofWay({ way: 'chain' }, 'efi').slice(-2)).toEqual([loader('\\EFI\\BOOT\\BOOTX64.EFI'), 'exit 1']);
    expect(ofWay({ way: 'sanboot', path }, 'efi')).toEqual([loader('\\EFI\\BOOT\\BOOTX64.EFI'), 'exit 1']);
    expect(ofWay({ way: 'auto', path: '\\EFI\\mine\\a.efi' }, 'efi')[0]).toBe(loader('\\EFI\\mine\\a.efi'));
    expect(ofWay({ way: 'chain', path }, 'pcbios')).toEqual(['sanboot --no-describe --drive 0x80 ||', 'exit 1']);
    expect(ofWay({}, null)).toEqual(['exit 1']);
  });

  it('never starts by itself what an installer on a forgotten USB stick is named', () =>
    expect(render({ run: 'own-disk', message, disk: { ownDisk: auto, platform: 'efi' } })).not.toContain('BOOTX64'));
});

describe('every screen', () => {
  it('says who speaks, which machine it is by name and address, why, and what to do', () => {
    for (const script of screens({ name: 'pve1' })) {
      expect(script).toContain('echo Rackseed at 10.0.0.1\n');
      expect(script).toContain('pve1 (52:54:00:00:00:01)');
      expect(script).toContain('echo unknown machine, and enrolment is open\n');
      expect(script).toContain('rackseed node why 52:54:00:00:00:01');
    }
  });

  it('fits into 80 columns, whatever is said and by which address', () => {
    for (const [, text = ''] of renderStart(scripts, { ...start, appliance: IPV6 }).matchAll(/^echo (.*)$/gm))
      expect(text.length, text).toBeLessThanOrEqual(80);
    const long = 'a rather long reason of many words '.repeat(50);
    for (const script of screens({ reason: long, name: 'n'.repeat(300), appliance: IPV6 }))
      for (const [, text = ''] of script.matchAll(/^echo (.*)$/gm)) expect(text.length, text).toBeLessThanOrEqual(80);
  });

  const HOSTILE = [
    'x\nexit 0',
    'x\r\nshell',
    'a && reboot',
    'a || shell',
    '; shell',
    '# x',
    '`id`',
    `'"`,
    '\0',
    '\u2028shell',
    '{{mac}}',
    setting('uuid'),
  ];
  const hostileText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...HOSTILE),
    fc.array(fc.constantFrom(...HOSTILE, 'a', ' '), { maxLength: 8 }).map((parts) => parts.join(' ')),
  );

  it('keeps its structure whatever a machine or a node is called', () => {
    const expected = screens({}).map(linesApart);
    fc.assert(
      fc.property(hostileText, hostileText, hostileText, (reason, name, appliance) => {
        const shown = screens({ reason, name, appliance });
        expect(shown.map(linesApart)).toEqual(expected);
        for (const script of shown) expect(settingsIn(script)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('takes a text of a megabyte for what it is: too long', () => {
    const started = performance.now();
    for (const text of ['x'.repeat(1_000_000), ' '.repeat(1_000_000), 'a '.repeat(500_000)])
      for (const script of screens({ reason: text, name: text })) expect(script.length).toBeLessThan(2000);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  /** The structure, with the lines of a reason (one to four) taken for one. */
  function linesApart(script: string): unknown {
    const echo = JSON.stringify([{ words: ['echo'], operator: null }]);
    const lines = (structureOf(script) as unknown[]).map((line) => JSON.stringify(line)); // structureOf gives a list
    return lines.filter((line, index) => line !== echo || lines[index - 1] !== echo);
  }
});

describe('a word of a script', () => {
  it('is refused when it could change the script, and the error says which', () => {
    for (const hostile of ['a b', 'x\n', setting('uuid'), '&&', 'a;b', '', 'ü', '\0'])
      expect(() => ipxeWord(hostile, 'kernel argument'), hostile).toThrow(/kernel argument/);
    expect(ipxeWord('rackseed.url=https://10.0.0.1:6385', 'x')).toBe('rackseed.url=https://10.0.0.1:6385');
  });

  it('that is a path of an EFI volume has names and backslashes only', () => {
    for (const hostile of ['', '\\', 'EFI', '\\EFI\\a b', '\\EFI\n', `\\${setting('uuid')}`, '\\a/b', '\\a||'])
      expect(() => ipxeEfiPath(hostile), hostile).toThrow(/EFI loader/);
    expect(ipxeEfiPath('\\EFI\\BOOT\\BOOTX64.EFI')).toBe('\\EFI\\BOOT\\BOOTX64.EFI');
  });

  it('comes out of the parser as it went in', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z0-9._:/?=&%+,@[\]~-]{1,40}$/).filter((word) => word !== '&&'),
        (word) => {
          expect(parseIpxe(`#!ipxe\nset x ${ipxeWord(word, 'x')}\n`)).toEqual([
            { commands: [{ words: ['set', 'x', word], operator: null }] },
          ]);
        },
      ),
    );
  });
});

describe('a text for a screen', () => {
  it('is cut to what a line holds', () => expect(ipxeText('x'.repeat(500))).toHaveLength(76));

  it('is broken between words, and ends with dots when there is more than four lines of it', () => {
    expect(ipxeLines('one two')).toEqual(['one two']);
    const lines = ipxeLines('word '.repeat(200));
    expect(lines).toHaveLength(4);
    expect(lines[3]).toMatch(/\.\.\.$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(76);
  });
});
