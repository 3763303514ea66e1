import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/agent/backoff.ts';
import type { Client, Question } from '../../../src/agent/client.ts';
import { fail } from '../../../src/agent/errors.ts';
import { type Memory, runSession, type SessionParts } from '../../../src/agent/session.ts';
import { AGENT_PATHS, type HeartbeatRequest, type InventoryRequest, type LookupRequest } from '../../../src/inspect/protocol.ts';
import type { Mac } from '../../../src/lib/mac.ts';
import { Secret } from '../../../src/lib/secret.ts';

const NODE = { uuid: '6f0ad1f2-6d8f-4a34-a65e-3a8b3f1d0c11', name: null, provisionState: 'enroll' };
const LOOKUP = { token: 't'.repeat(32), heartbeatSeconds: 10, node: null };
const INVENTORY = { node: NODE, message: 'Open enrolment ends at noon.' };
const BEAT = { waitSeconds: 10, command: null };

type Reply = object | Error;
interface Asked {
  readonly path: string;
  readonly body: unknown;
  readonly token: string | undefined;
}

/** Runs a session against a script of replies; ends when they are used up. Sleeping takes no time and is written down. */
async function converse(
  replies: readonly Reply[],
  memory?: Memory,
): Promise<{ asked: Asked[]; said: string[]; marks: string[]; slept: number[]; saved: Memory[] }> {
  const asked: Asked[] = [];
  const said: string[] = [];
  const marks: string[] = [];
  const slept: number[] = [];
  const saved: Memory[] = [];
  const end = new AbortController();
  const script = [...replies];
  const client = {
    post: async (question: Question<never>): Promise<object> => {
      asked.push({ path: question.path, body: question.body, token: question.token?.reveal() });
      const reply = script.shift();
      if (reply === undefined) end.abort(new Error('the script is over'));
      if (reply === undefined || reply instanceof Error) throw reply ?? end.signal.reason;
      return reply;
    },
  } as unknown as Client; // the script stands in for every schema's type
  const parts: SessionParts = {
    url: new URL('https://192.0.2.1:6385'),
    secret: new Secret('once'),
    agentVersion: '0.1.0+test',
    client,
    clock: { now: () => 0, monotonic: () => 0, sleep: async (ms) => void slept.push(ms) },
    random: { bytes: (length) => Buffer.alloc(length, 7), uuid: () => '', float: () => 1 },
    say: (line) => void said.push(line),
    mark: (words) => void marks.push(words),
    handlers: {},
    tools: { run: async () => ({ code: 0, stdout: '', stderr: '' }), resolve: async () => [] },
    open: async () => Promise.reject(new Error('nothing is downloaded here')),
    identity: async () => ({ macs: ['52:54:00:12:34:56' as Mac], smbiosUuid: null }), // in the form
    inventory: async () =>
      ({ inventory: { cpu: { count: 2 }, memory: { total: 2 ** 30 }, disks: [], interfaces: [] } }) as unknown as InventoryRequest, // what the screen shows of it
    uptimeSeconds: () => 12.7,
    memory: { load: async () => memory, save: async (next) => void saved.push(next) },
  };
  await expect(runSession(parts, end.signal)).rejects.toThrow('the script is over');
  return { asked, said, marks, slept, saved };
}

const unreachable = (message: string): Error => fail('agent.unreachable', { message });

describe('the agent', () => {
  it('looks up, reports its inventory, then beats as often as it is told', async () => {
    const { asked, marks, said, slept } = await converse([LOOKUP, INVENTORY, BEAT, { ...BEAT, waitSeconds: 3 }]);
    expect(asked.map((one) => one.path)).toEqual([
      AGENT_PATHS.lookup,
      AGENT_PATHS.inventory,
      AGENT_PATHS.heartbeat,
      AGENT_PATHS.heartbeat,
      AGENT_PATHS.heartbeat,
    ]);
    expect(asked[0]?.body).toMatchObject({ secret: 'once', macs: ['52:54:00:12:34:56'], smbiosUuid: null, agentVersion: '0.1.0+test' });
    expect(asked.map((one) => one.token)).toEqual([undefined, ...Array<string>(4).fill(LOOKUP.token)]);
    expect(asked[2]?.body).toMatchObject({ uptimeSeconds: 12, answers: [] });
    expect(slept).toEqual([10_000, 3000]);
    expect(marks).toEqual(['lookup node=new', `discovered node=${NODE.uuid} state=enroll`, 'heartbeat uptime=12']);
    expect(said.slice(-2)).toEqual([
      `RACKSEED discovered: node ${NODE.uuid}; waiting for a yes at https://192.0.2.1:6385`,
      INVENTORY.message,
    ]);
  });

  it('tells a person at a known machine its name and state', async () => {
    const node = { ...NODE, name: 'pve-3', provisionState: 'active' };
    const { said } = await converse([
      { ...LOOKUP, node },
      { node, message: '' },
    ]);
    expect(said.at(-1)).toBe(`RACKSEED discovered: node ${NODE.uuid} (pve-3); it is active`);
  });

  it('never says its secret or token on the screen', async () => {
    const { said, marks } = await converse([unreachable('no route'), LOOKUP, INVENTORY, BEAT]);
    expect([...said, ...marks].filter((line) => line.includes('once') || line.includes(LOOKUP.token))).toEqual([]);
  });

  it('repeats a look-up with the same claim, so that a lost reply is no second machine', async () => {
    const { asked } = await converse([unreachable('reset'), unreachable('reset'), LOOKUP]);
    const claims = asked.filter((one) => one.path === AGENT_PATHS.lookup).map((one) => (one.body as LookupRequest).claim); // what was sent there
    expect(claims).toHaveLength(3);
    expect(new Set(claims).size).toBe(1);
  });

  it('waits longer after every failure and says a reason once', async () => {
    const { slept, said } = await converse([
      unreachable('no route'),
      unreachable('no route'),
      unreachable('no route'),
      unreachable('refused'),
      LOOKUP,
    ]);
    expect(slept.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(said.filter((line) => line.includes('no route'))).toHaveLength(1);
    expect(said).toContain('The appliance answers (look-up, after 4 failed tries).');
  });

  it('goes on beating with its token after the appliance was away', async () => {
    const { asked } = await converse([LOOKUP, INVENTORY, BEAT, ...Array<Error>(20).fill(unreachable('down')), BEAT]);
    expect(asked.slice(2).every((one) => one.path === AGENT_PATHS.heartbeat && one.token === LOOKUP.token)).toBe(true);
  });

  it('asks again a minute later after a refusal, which no haste changes', async () => {
    const { slept, marks } = await converse([fail('agent.refused', { message: 'this boot secret is spent' }), LOOKUP]);
    expect(slept[0]).toBe(60_000);
    expect(marks).toContain('refused-by-appliance step=look-up');
  });

  it('looks up again when the appliance has lost its token', async () => {
    const lost = fail('agent.token_lost', { message: 'no such token' });
    const { asked } = await converse([LOOKUP, INVENTORY, lost, { ...LOOKUP, token: 'u'.repeat(32) }, INVENTORY, BEAT]);
    expect(asked.map((one) => one.path.split('/').at(-1))).toEqual([
      'lookup',
      'inventory',
      'heartbeat',
      'lookup',
      'inventory',
      'heartbeat',
      'heartbeat',
    ]);
    expect(asked.at(-1)?.token).toBe('u'.repeat(32));
  });

  it('started again after a crash goes on with the token it had', async () => {
    const { asked } = await converse([INVENTORY, BEAT], { claim: 'c'.repeat(32), token: 'k'.repeat(32) });
    expect(asked[0]).toMatchObject({ path: AGENT_PATHS.inventory, token: 'k'.repeat(32) });
  });

  it('keeps its claim before it first uses it', async () => {
    const { saved } = await converse([LOOKUP]);
    expect(saved[0]).toEqual({ claim: '07'.repeat(24), token: null });
    expect(saved[1]).toMatchObject({ claim: '07'.repeat(24), token: LOOKUP.token });
  });

  it('refuses a command it does not know, at once and in words, and repeats the answer until it is heard', async () => {
    const command = { id: 'c1', name: 'erase everything', arguments: {} };
    const { asked, marks } = await converse([LOOKUP, INVENTORY, { ...BEAT, command }, unreachable('down'), BEAT, BEAT]);
    const answers = asked.slice(2).map((one) => (one.body as HeartbeatRequest).answers); // heartbeats from here on
    const refusal = { commandId: 'c1', outcome: 'refused', message: 'agent 0.1.0+test knows no command "erase everything"' };
    expect(answers).toEqual([[], [refusal], [refusal], [], []]);
    expect(marks).toContain('refused command=erase_everything');
  });

  it('says so when a command comes twice', async () => {
    const command = { id: 'c1', name: 'dance' };
    const { asked } = await converse([LOOKUP, INVENTORY, { ...BEAT, command }, { ...BEAT, command }, BEAT]);
    const message = 'command c1 was given before and is not carried out twice';
    expect(asked[4]?.body).toMatchObject({ answers: [{ commandId: 'c1', outcome: 'refused', message }] });
  });
});

describe('the pause between tries', () => {
  it('doubles up to half a minute and is never nothing', () => {
    const pauses = [1, 2, 5, 8, 50, 10_000].map((failures) => backoffMs(failures, { float: () => 1 }));
    expect(pauses).toEqual([500, 1000, 8000, 30_000, 30_000, 30_000]);
    expect(backoffMs(1, { float: () => 0 })).toBe(250);
  });
});
