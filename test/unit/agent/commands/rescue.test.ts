import { describe, expect, it } from 'vitest';
import { createRescue } from '../../../../src/agent/commands/rescue.ts';
import { isPasswordHash, keyFault, mountedDisks, parseLog, reachable, shadowText } from '../../../../src/agent/commands/rescue-decide.ts';
import type { RescueMachine } from '../../../../src/agent/commands/rescue-server.ts';
import { type CommandContext, CommandRefused } from '../../../../src/agent/commands/types.ts';
import { systemRandom } from '../../../../src/lib/index.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGt2bU1kcm9wYmVhci10ZXN0LWtleS0wMTIzNDU2Nzg5 me@desk';
const HASH = '$6$abcdefgh$M/eYsB4rVXAm3ZNc88J.UD9rCKAT6FB1rahiwJCHtEndQNORCub5qhjxn50qbqVVthkM.9HpEwtf0t.iV9uH0/';

interface Played extends RescueMachine {
  readonly did: string[];
  say: (line: string) => void;
  end: (said: string) => void;
  running: number[];
}

/** Processes end at SIGTERM, but those above 100 only at SIGKILL. */
function play(mounts = ''): Played {
  const did: string[] = [];
  const machine: Played = {
    did,
    say: () => undefined,
    end: () => undefined,
    running: [],
    makeHostKey: () => Promise.resolve('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhvc3Qta2V5'),
    writeAccess: (shadow, keys) => Promise.resolve(void did.push(`access ${shadow.trim()} ${keys.length}`)),
    removeAccess: () => Promise.resolve(void did.push('no access')),
    start: ({ allowsPasswords, onLine }) => {
      did.push(`start${allowsPasswords ? ' with passwords' : ''}`);
      machine.say = onLine;
      machine.running.push(7);
      const { promise: ended, resolve } = Promise.withResolvers<string>();
      machine.end = resolve;
      return Promise.resolve({ ended });
    },
    processes: () => Promise.resolve(machine.running),
    signal: (pid, name) => {
      did.push(`${name} ${pid}`);
      if (pid <= 100 || name === 'SIGKILL') machine.running = machine.running.filter((one) => one !== pid);
    },
    addresses: () => [
      { family: 'IPv4', address: '127.0.0.1', internal: true },
      { family: 'IPv6', address: 'fe80::1', internal: false },
      { family: 'IPv6', address: '2001:db8::5', internal: false },
      { family: 'IPv4', address: '10.0.0.5', internal: false },
    ],
    mounts: () => Promise.resolve(mounts),
  };
  return machine;
}

function context(more: Partial<CommandContext> = {}): CommandContext & { readonly notes: string[]; turn(ms: number): void } {
  const notes: string[] = [];
  let now = 0;
  const turn = (ms: number): void => {
    now += ms;
  };
  const never = (): never => {
    throw new Error('not used by these commands');
  };
  return {
    isResumed: false,
    signal: new AbortController().signal,
    run: () => Promise.resolve({ code: 0, stdout: '', stderr: '' }),
    clock: { now: () => now, monotonic: () => now, sleep: (ms) => Promise.resolve(turn(ms)) },
    random: systemRandom,
    open: never,
    log: () => undefined,
    progress: () => undefined,
    note: (kind, line) => void notes.push(`${kind}: ${line}`),
    say: () => undefined,
    resolve: never,
    report: never,
    notes,
    turn,
    ...more,
  };
}

describe('the command rescue', () => {
  it('opens a shell for a key, without passwords, and answers with where and the host key', async () => {
    const machine = play();
    const { message, result } = await createRescue(machine).rescue({ passwordHash: null, keys: [KEY] }, context());
    expect(machine.did).toEqual(['access root:*:20000:::::: 1', 'start']);
    expect(result).toEqual({ addresses: ['10.0.0.5', '2001:db8::5'], hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhvc3Qta2V5'] });
    // ssh-keygen -lf of that key
    expect(message).toMatch(/^ssh root@10\.0\.0\.5; host key SHA256:[A-Za-z0-9+/]{43}$/);
  });

  it('opens one for a password by its hash', async () => {
    const machine = play();
    await createRescue(machine).rescue({ passwordHash: HASH, keys: [] }, context());
    expect(machine.did).toEqual([`access root:${HASH}:20000:::::: 0`, 'start with passwords']);
  });

  it('refuses what lets nobody in, a plain password, and keys that are none, before anything is done', async () => {
    const machine = play();
    const { rescue } = createRescue(machine);
    for (const [passwordHash, keys, words] of [
      [null, [], 'neither was given'],
      ['hunter2', [], 'no hash'],
      ['$1$abc$0123456789', [], 'no hash'],
      [`${HASH}:0:0:99999\nevil`, [], 'no hash'],
      [null, [KEY, `command="rm" ${KEY}`], 'key 2'],
    ] as const) {
      await expect(rescue({ passwordHash, keys: [...keys] }, context())).rejects.toThrow(words);
      await expect(rescue({ passwordHash, keys: [...keys] }, context())).rejects.toBeInstanceOf(CommandRefused);
    }
    expect(machine.did).toEqual([]);
  });

  it('closes the sessions of a rescue before it, by force where a word is not enough', async () => {
    const machine = play();
    machine.running = [50, 101];
    await createRescue(machine).rescue({ passwordHash: null, keys: [KEY] }, context());
    expect(machine.did.slice(0, 3)).toEqual(['SIGTERM 50', 'SIGTERM 101', 'SIGKILL 101']);
    expect(machine.did.at(-1)).toBe('start');
  });

  it('notes who came and went, and of guessed passwords a few a minute and then their number', async () => {
    const machine = play();
    const here = context();
    await createRescue(machine).rescue({ passwordHash: HASH, keys: [] }, here);
    machine.say('[12] Nov 21 20:00:00 Child connection from 10.0.0.9:4242');
    machine.say("[12] Nov 21 20:00:01 Password auth succeeded for 'root' from 10.0.0.9:4242");
    for (let count = 0; count < 500; count += 1)
      machine.say(`[${count}] Nov 21 20:00:02 Bad password attempt for 'root' from 10.0.0.66:${count}`);
    here.turn(61_000);
    machine.say("[13] Nov 21 20:01:09 Bad password attempt for 'root' from 10.0.0.66:9");
    machine.say('[12] Nov 21 20:02:00 Exit (root) from <10.0.0.9:4242>: Disconnect received');
    expect(here.notes[0]).toBe('rescue: session opened from 10.0.0.9:4242 with the password');
    expect(here.notes).toHaveLength(9);
    expect(here.notes[6]).toBe('rescue: and 495 more tries in the minute before');
    expect(here.notes[8]).toBe('rescue: session from 10.0.0.9:4242 closed: Disconnect received');
  });

  it('notes that the server ended by itself', async () => {
    const machine = play();
    const here = context();
    await createRescue(machine).rescue({ passwordHash: null, keys: [KEY] }, here);
    machine.end('out of memory (SIGKILL)');
    await Promise.resolve();
    await Promise.resolve();
    expect(here.notes).toEqual(['rescue: the SSH server has ended: out of memory (SIGKILL)']);
  });

  it('does not note an end that was ordered', async () => {
    const machine = play();
    const here = context();
    const rescue = createRescue(machine);
    await rescue.rescue({ passwordHash: null, keys: [KEY] }, here);
    await rescue.unrescue({}, here);
    machine.end('Terminated by signal');
    await Promise.resolve();
    await Promise.resolve();
    expect(here.notes).toEqual([]);
  });
});

describe('the command unrescue', () => {
  it('closes the shell, takes the access away, and unmounts what was mounted, the inner first', async () => {
    const machine = play('proc /proc proc rw 0 0\n/dev/sda2 /mnt ext4 rw 0 0\n/dev/sda1 /mnt/boot\\040efi vfat rw 0 0\n');
    const ran: string[] = [];
    const run: CommandContext['run'] = (command, args) => {
      ran.push([command, ...args].join(' '));
      return Promise.resolve({ code: args.includes('/mnt') ? 32 : 0, stdout: '', stderr: 'target is busy' });
    };
    const rescue = createRescue(machine);
    await rescue.rescue({ passwordHash: null, keys: [KEY] }, context());
    const { message } = await rescue.unrescue({}, context({ run }));
    expect(machine.running).toEqual([]);
    expect(machine.did).toContain('no access');
    expect(ran).toEqual(['umount -r /mnt/boot efi', 'umount -r /mnt']);
    expect(message).toBe('the rescue shell is closed; still mounted: /mnt');
  });

  it('is no failure where none was open', async () => {
    expect((await createRescue(play()).unrescue({}, context())).message).toBe('no rescue shell was open');
  });
});

describe('what a rescue is made of', () => {
  it('is a key whose data is of its own type, on one line, without options', () => {
    expect(keyFault(KEY)).toBeNull();
    expect(keyFault('ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGt2bU1kcm9wYmVhci10ZXN0LWtleS0wMTIzNDU2Nzg5')).toContain(
      'not that of a key of type ssh-rsa',
    );
    expect(keyFault(`${KEY}\n${KEY}`)).toContain('more than one line');
    expect(keyFault('ssh-dss AAAAB3NzaC1kc3MAAACBAOeB')).toContain('not with the type of a key');
    expect(keyFault('ssh-ed25519')).toContain('not base64');
    expect(keyFault('')).toContain('not with the type of a key');
  });

  it('is a hash that is thought safe, or no way in by a password', () => {
    expect([HASH, '$y$j9T$abc$0123456789', '$5$salt$0123456789'].map(isPasswordHash)).toEqual([true, true, true]);
    expect(['', 'x', '$6$a:b$0123456789', '$1$salt$0123456789'].map(isPasswordHash)).toEqual([false, false, false, false]);
    expect(shadowText(null)).toBe('root:*:20000::::::\n');
  });

  it('is a log of people, not of dropbear', () => {
    expect(parseLog('[1] Nov 21 20:00:00 Not backgrounding')).toBeNull();
    expect(parseLog("[1] Nov  1 20:00:00 Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:abc from 10.0.0.9:1")).toEqual({
      text: 'session opened from 10.0.0.9:1 with the ssh-ed25519 key SHA256:abc',
      isFailure: false,
    });
    expect(parseLog("[1] Nov  1 20:00:00 Exit before auth from <10.0.0.9:1>: (user 'root', 0 fails): Exited normally")?.isFailure).toBe(
      true,
    );
  });

  it('is addresses that a person can type, and mount points as they are named', () => {
    expect(reachable([{ family: 'IPv4', address: '169.254.1.1', internal: false }])).toEqual([]);
    expect(mountedDisks('/dev/mapper/pve-root /a\\011b ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n')).toEqual(['/a\tb']);
  });
});
