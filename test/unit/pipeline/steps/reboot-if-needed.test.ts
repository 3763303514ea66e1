import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../../../src/lib/index.ts';
import { step } from '../../../../src/pipeline/steps/reboot-if-needed.ts';
import { newestKernel, nextKernel } from '../../../../src/pipeline/system/kernels-codec.ts';
import { containing } from '../../../support/containing.ts';
import { provesIdempotence, stepWorld } from '../../../support/pipeline.ts';

interface Machine {
  readonly running?: string;
  readonly asked?: string;
  readonly guests?: string;
  readonly pinned?: string;
  /** How often nobody answers after it went. */
  readonly away?: number;
  readonly cameBackAs?: 'itself' | 'another';
}

/** It goes at once, and answers again after so many asked in vain. */
function world({ running = '6.14.8-2-pve', asked = '', guests = '', pinned = '', away = 3, cameBackAs = 'itself' }: Machine = {}) {
  const hidden = { awayFor: 0 };
  const gone = (code: string): RackseedError => new RackseedError(code, { status: 502, about: code }, { message: code });
  return stepWorld({
    cluster: { name: 'home' },
    machine: {
      state: { running, boots: 1, asked },
      rules: [
        {
          when: () => {
            if (hidden.awayFor === 0) return false;
            hidden.awayFor -= 1;
            if (hidden.awayFor === 0 && cameBackAs === 'another') throw gone('proxmox.not_trusted');
            throw gone('proxmox.shell_unreachable');
          },
          answer: '',
        },
        { when: ['uname', '-r'], answer: (_, { state }) => `${String(state.running)}\n` },
        { when: ['cat', '/proc/sys/kernel/random/boot_id'], answer: (_, { state }) => `boot-${String(state.boots)}\n` },
        {
          when: ['sh'],
          answer: (_, { state }) =>
            ['config-6.14.8-2-pve\nvmlinuz-6.14.8-2-pve\nvmlinuz-6.14.11-4-pve\n', '', pinned, String(state.asked), guests].join('\u0001'),
        },
        {
          when: ['systemctl', 'reboot'],
          answer: (_, { state }) => {
            Object.assign(state, { running: pinned.trim() || '6.14.11-4-pve', boots: Number(state.boots) + 1, asked: '' });
            hidden.awayFor = away;
            return '';
          },
        },
        { when: ['systemctl', 'is-system-running', '--wait'], answer: { code: 1, out: 'degraded\n' } },
      ],
    },
  });
}

describe('starting anew', () => {
  it('is done for a newer kernel, once, wherever it is cut off', async () => {
    const { first } = await provesIdempotence(step, {}, () => world({ away: 0 }));
    expect(first).toEqual({ is: 'needed', plan: ['it starts anew: it runs the kernel 6.14.8-2-pve, and has 6.14.11-4-pve'] });
  });

  it('waits until it is back, and its services are', async () => {
    const one = world({ away: 30 });
    await one.clock.until(step.apply(one.context(step, {})));
    expect(one.machine.state.boots).toBe(2);
    expect(one.logs).toEqual(['the system is degraded']);
    expect(await step.check(one.context(step, {}))).toMatchObject({ is: 'satisfied' });
  });

  it('is done where packages ask for it', async () => {
    const make = () => world({ running: '6.14.11-4-pve', asked: '*** System restart required ***\nlibc6\n', away: 0 });
    expect((await provesIdempotence(step, {}, make)).first).toEqual({ is: 'needed', plan: ['it starts anew: libc6 asks for it'] });
  });

  it('is not done for a kernel that is pinned and runs', async () => {
    const one = world({ pinned: '6.14.8-2-pve\n' });
    expect(await step.check(one.context(step, {}))).toEqual({ is: 'satisfied', words: 'runs the kernel 6.14.8-2-pve' });
  });

  it('is not done under guests unless told', async () => {
    const one = world({ guests: '812 kvm\n900 lxc-start\n' });
    expect(await step.check(one.context(step, {}))).toMatchObject({ is: 'impossible', reason: containing('2 guests run') });
    await expect(step.apply(one.context(step, {}))).rejects.toThrow('2 guests run');
    expect(await step.check(one.context(step, { with_guests: true }))).toMatchObject({ is: 'needed' });
  });

  it('ends with an error when it stays away, and is not begun a second time then', async () => {
    const one = world({ away: 10_000 });
    await expect(one.clock.until(step.apply(one.context(step, { minutes: 10 })))).rejects.toMatchObject({ code: 'pipeline.timeout' });
    expect(one.machine.state.boots).toBe(2);
  });

  it('ends at once when what comes back has another host key', async () => {
    const one = world({ cameBackAs: 'another' });
    await expect(one.clock.until(step.apply(one.context(step, {})))).rejects.toMatchObject({ code: 'proxmox.not_trusted' });
  });

  it('waits for other members that do the same', () => {
    const one = world();
    expect(step.lock?.(one.context(step, {}).args, one.context(step, {}))).toBe('reboot:home');
  });
});

describe('the kernel that starts next', () => {
  it('is the newest by its numbers, of Proxmox where there is one', () => {
    expect(newestKernel(['vmlinuz-6.8.12-9-pve', 'vmlinuz-6.8.12-10-pve', 'vmlinuz-6.12.48+deb13-amd64'])).toBe('6.8.12-10-pve');
    expect(newestKernel(['vmlinuz-6.1.0-9-amd64', 'vmlinuz-6.1.0-40-amd64', 'initrd.img-7'])).toBe('6.1.0-40-amd64');
    expect(newestKernel([])).toBeNull();
    expect(nextKernel(['vmlinuz-2-pve'], { once: '1-pve\n', always: '' })).toBe('1-pve');
  });
});
