import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileScripts, type ScriptName } from '../../../src/boot/index.ts';
import { ipxeText, ipxeWord } from '../../../src/boot/ipxe-text.ts';
import { renderAgent, renderMessage, renderStart } from '../../../src/boot/script.ts';

const read = (name: ScriptName): string => readFileSync(new URL(`../../../templates/ipxe/${name}.ipxe`, import.meta.url), 'utf8');
const scripts = compileScripts(read);
const common = {
  appliance: '10.0.0.1',
  bootUrl: 'http://10.0.0.1:6386',
  reason: 'unknown machine, and enrolment is open',
  mac: '52:54:00:00:00:01',
};
const agent = {
  ...common,
  kernel: 'agent/vmlinuz-amd64',
  initrd: 'agent/initrd-amd64',
  apiUrl: 'https://10.0.0.1:6385',
  fingerprint: 'ab'.repeat(32),
  secret: 'c2VjcmV0LXNlY3JldA',
  console: ['tty0', 'ttyS0,115200'],
};

// Spelled in two parts, since the linter takes the whole for a slip.
const EXPANSION = `$${'{uuid}'}`;

describe('boot scripts', () => {
  it('send every machine to its own script with its MAC and UUID', () => {
    expect(renderStart(scripts, common)).toContain(
      `chain --replace --autofree http://10.0.0.1:6386/boot/machine.ipxe?mac=$${'{netX/mac:hexhyp}'}&uuid=${EXPANSION}`,
    );
  });

  it('boot the agent with where to report, whom to trust, and the one-time secret', () => {
    expect(renderAgent(scripts, agent)).toBe(`#!ipxe
echo
echo Rackseed at 10.0.0.1: unknown machine, and enrolment is open
echo Machine 52:54:00:00:00:01 boots the Rackseed agent in RAM. No disk is written.
kernel http://10.0.0.1:6386/boot/files/agent/vmlinuz-amd64 initrd=agent.img rackseed.url=https://10.0.0.1:6385 rackseed.fp=${'ab'.repeat(32)} rackseed.secret=c2VjcmV0LXNlY3JldA rackseed.mac=52:54:00:00:00:01 console=tty0 console=ttyS0,115200 || goto failed
initrd --name agent.img http://10.0.0.1:6386/boot/files/agent/initrd-amd64 || goto failed
boot || goto failed
:failed
echo
echo The agent could not be loaded from http://10.0.0.1:6386
echo Next step: see what the appliance says with: rackseed node why 52:54:00:00:00:01
echo Going on to its own disk in 10 seconds.
sleep 10
exit 1
`);
  });

  it('never start the disk of a machine that is held', () => {
    const script = renderMessage(scripts, 'hold', { ...common, reason: 'pve1 is in "clean failed"' });
    expect(script).not.toMatch(/^\s*(exit|sanboot)/m);
    expect(script).toContain('pve1 is in .clean failed.');
    expect(script).toContain(`Next step: rackseed node why ${common.mac}`);
  });

  it('keep their structure whatever a machine calls itself', () => {
    const structure = (script: string): string[] => script.split('\n').map((line) => line.split(' ')[0] ?? '');
    const expected = structure(renderMessage(scripts, 'own-disk', common));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (hostile) => {
        const script = renderMessage(scripts, 'own-disk', { ...common, reason: hostile });
        expect(structure(script)).toEqual(expected);
        expect(script).not.toMatch(/[`;|&<>"'\\]|\$\{/);
      }),
      { examples: [[EXPANSION], ['x\nexit 0'], ['a && reboot'], ['a || shell'], ['#'], ['{{appliance}}']] },
    );
  });

  it('refuse a word that could change the script, and say which', () => {
    for (const hostile of ['a b', 'x\n', EXPANSION, '&&', 'a;b', '', 'ü'])
      expect(() => ipxeWord(hostile, 'kernel argument'), hostile).toThrow(/kernel argument/);
    expect(ipxeWord('rackseed.url=https://10.0.0.1:6385', 'x')).toBe('rackseed.url=https://10.0.0.1:6385');
  });

  it('cut long texts to what a screen shows', () => expect(ipxeText('x'.repeat(500))).toHaveLength(70));
});
