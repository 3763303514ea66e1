import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGrub, createGrub, type GrubName, type MachineBoot } from '../../../src/boot/index.ts';
import { renderGrubMachine, renderGrubStart } from '../../../src/boot/script/grub-render.ts';
import { RackseedError, silentLog } from '../../../src/lib/index.ts';
import { lexGrub } from './grub-lexer.ts';

const scripts = compileGrub((name: GrubName) => readFileSync(new URL(`../../../templates/grub/${name}.cfg`, import.meta.url), 'utf8'));

const MESSAGE = {
  appliance: '192.0.2.1',
  bootUrl: 'http://192.0.2.1:6386',
  reason: 'unknown machine, and enrolment is open',
  mac: '52:54:00:12:34:56',
  name: 'pve-1',
};
const DISK = { ownDisk: { way: 'auto', path: null, by: 'boot.own_disk' }, platform: null } as const;
const AGENT = {
  ...MESSAGE,
  kernel: 'agent/vmlinuz-amd64',
  initrd: 'agent/initrd-amd64',
  apiUrl: 'https://192.0.2.1:6385',
  fingerprint: 'ab'.repeat(32),
  secret: 's3cret_-',
  console: ['tty0', 'ttyS0,115200'],
  promise: 'No disk is written.',
  otherwise: 'own-disk',
} as const;

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc
    .array(
      fc.constantFrom(
        "'",
        '"',
        '\n',
        '\r',
        '$',
        `$${'{x}'}`,
        '$(reboot)',
        '`',
        '\\',
        ';',
        '&&',
        '||',
        '|',
        '#',
        '{',
        '}',
        '\0',
        ' ',
        '-n',
        'exit',
        'é',
      ),
    )
    .map((parts) => parts.join('')),
  fc.constant("x'; exit; echo '".repeat(80_000)),
);

const words = (script: string): readonly string[] => lexGrub(script).map((line) => line[0]?.text ?? '');

describe('a machine under Secure Boot that shall run the agent', () => {
  const script = renderGrubMachine(scripts, { run: 'agent', agent: AGENT, disk: DISK });

  it('gets kernel and RAM system over HTTP, and by TFTP when that fails', () => {
    const lines = script.split('\n');
    const kernel = lines.find((line) => line.startsWith('if linux'));
    expect(kernel).toContain("linux '(http,192.0.2.1:6386)/boot/files/agent/vmlinuz-amd64' 'rackseed.url=https://192.0.2.1:6385'");
    expect(kernel).toContain("else linux '(tftp)/agent/vmlinuz-amd64' 'rackseed.url=");
    expect(lines).toContain(
      "if initrd '(http,192.0.2.1:6386)/boot/files/agent/initrd-amd64'; then true; else initrd '(tftp)/agent/initrd-amd64'; fi",
    );
  });

  it('marks the chain on the kernel command line, beside the words that iPXE gives', () => {
    for (const word of ['rackseed.chain=shim-grub', 'rackseed.secret=s3cret_-', 'rackseed.mac=52:54:00:12:34:56', 'console=ttyS0,115200'])
      expect(script).toContain(`'${word}'`);
  });

  it('goes by TFTP alone where the boot URL is HTTPS, which GRUB does not speak', () => {
    const overTls = renderGrubMachine(scripts, { run: 'agent', agent: { ...AGENT, bootUrl: 'https://boot.example' }, disk: DISK });
    expect(overTls).not.toContain('(http');
    expect(overTls).not.toContain('(https');
  });

  it('waits instead of starting its disk when the agent was to clean it', () => {
    const cleaning = renderGrubMachine(scripts, { run: 'agent', agent: { ...AGENT, otherwise: 'hold' }, disk: DISK });
    expect(words(cleaning)).toContain('set');
    expect(cleaning).toContain("set rackseed='hold'");
  });
});

describe('text from machines and people in a GRUB script', () => {
  const structure = (script: string): unknown => lexGrub(script).map((line) => (line[0]?.text === 'echo' ? 'echo' : line));

  it.each(['own-disk', 'hold'] as const)('stays text in %s, whatever it is', (run) => {
    const render = (reason: string, name: string): string => {
      const message = { ...MESSAGE, reason, name };
      const boot: MachineBoot = run === 'hold' ? { run, message } : { run, message, disk: DISK };
      return renderGrubMachine(scripts, boot);
    };
    const plain = structure(render('one line', 'plain'));
    const withoutEchoes = (value: unknown): unknown => (Array.isArray(value) ? value.filter((line) => line !== 'echo') : value);
    fc.assert(
      fc.property(hostile, hostile, (reason, name) => {
        const script = render(reason, name);
        expect(withoutEchoes(structure(script))).toEqual(withoutEchoes(plain));
        for (const line of lexGrub(script))
          if (line[0]?.text === 'echo') {
            for (const word of line.slice(1)) {
              expect(word.live).toBe(false);
              expect(word.text.startsWith('-')).toBe(false);
            }
            // Two rows of the screen at most.
            expect(
              line
                .slice(1)
                .map((word) => word.text)
                .join(' ').length,
            ).toBeLessThanOrEqual(2 * 80);
          }
      }),
      { numRuns: 300 },
    );
  });

  it('never gets into a kernel argument: the machine is given no script then', () => {
    fc.assert(
      fc.property(hostile, (secret) => {
        const harmless = /^[A-Za-z0-9._:/?=&%+,@[\]~()-]*$/.test(secret);
        const render = (): string => renderGrubMachine(scripts, { run: 'agent', agent: { ...AGENT, secret }, disk: DISK });
        if (harmless) expect(render()).toContain(`'rackseed.secret=${secret}'`);
        else expect(render).toThrow(/cannot go into a boot script/);
      }),
    );
  });
});

describe('the first configuration', () => {
  it('asks the machine that GRUB came from, on the port of the boot listener, and TFTP after it', () => {
    const start = renderGrubStart(scripts, {
      http: { port: 6386 },
      tftp: true,
      ownDisk: ['\\EFI\\debian\\shimx64.efi', '\\EFI\\BOOT\\BOOTX64.EFI'],
    });
    expect(start).toContain('source "(http,$net_default_server:6386)""/boot/grub/machine.cfg?mac=$net_default_mac&uuid=$uuid"');
    expect(start).toContain('source "(tftp)/grub/machine/$net_default_mac/$uuid.cfg"');
    expect(start).toContain("set loaders='/EFI/debian/shimx64.efi /EFI/BOOT/BOOTX64.EFI'");
  });

  it('leaves HTTP out where the boot URL is HTTPS', () => {
    expect(renderGrubStart(scripts, { http: { bootUrl: 'https://boot.example' }, tftp: true, ownDisk: [] })).not.toContain('(http');
  });
});

describe('the names that GRUB asks for', () => {
  const asked: string[] = [];
  const grub = createGrub({
    scripts,
    machineBoot: async (query, serverAddress) => {
      asked.push(`${query.get('mac')} ${query.get('uuid')} ${serverAddress}`);
      if (query.get('mac') === 'bad')
        throw new RackseedError('boot.bad_request', { status: 400, about: 'nonsense' }, { message: 'mac=bad is no MAC' });
      return { run: 'hold', message: MESSAGE };
    },
    bootUrl: (address) => `http://${address}:6386`,
    bootPort: 6386,
    ownDisk: [],
    log: silentLog,
  });
  const get = (path: string, query = ''): ReturnType<typeof grub.text> =>
    grub.text({ path, query: new URLSearchParams(query), serverAddress: '192.0.2.1' });

  it('are the machine’s own configuration, over HTTP and by TFTP from the same decision', async () => {
    const overHttp = await get('/boot/grub/machine.cfg', 'mac=52:54:00:12:34:56&uuid=u-1');
    const byTftp = await grub.file('grub/machine/52:54:00:12:34:56/u-1.cfg', async () => '192.0.2.1');
    expect(overHttp?.body).toContain('set rackseed=hold');
    expect(byTftp).toBe(overHttp?.body);
    expect(asked).toEqual(['52:54:00:12:34:56 u-1 192.0.2.1', '52:54:00:12:34:56 u-1 192.0.2.1']);
  });

  it('are the first configuration, which after UEFI HTTP boot names our address and no TFTP', async () => {
    expect((await get('/grub/grub.cfg'))?.body).toContain("source '(http,192.0.2.1:6386)'\"/boot/grub/machine.cfg");
    expect((await get('/grub/grub.cfg'))?.body).not.toContain('(tftp)');
    expect(await grub.file('grub/grub.cfg', async () => '192.0.2.1')).toContain('(tftp)');
  });

  it('are no others', async () => {
    expect(await get('/boot/grub/other.cfg')).toBeUndefined();
    for (const name of ['grub/machine/../../etc/passwd', 'grub/machine//x.cfg', 'grub/x86_64-efi/fs.lst'])
      expect(await grub.file(name, async () => '192.0.2.1'), name).toBeUndefined();
  });

  it('get a script that says what is wrong, since GRUB runs the body of an error as well', async () => {
    const body = (await get('/boot/grub/machine.cfg', 'mac=bad'))?.body ?? '';
    expect(body).toContain("echo 'mac=bad is no MAC'");
    expect(body).not.toContain('set rackseed');
    expect(new Set(words(body))).toEqual(new Set(['echo']));
  });
});
