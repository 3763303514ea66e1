import { describe, expect, it } from 'vitest';
import {
  afterSearch,
  decideStanding,
  nextSearchMs,
  type SeenServer,
  type Sighting,
  WATCH_TIMES,
  type WatchFacts,
  withSighting,
} from '../../../../src/net/dhcp/watch/watch-decide.ts';
import { ip, mac } from './packets.ts';

const RIVAL: SeenServer = {
  address: ip('10.0.0.254'),
  mac: mac('52:54:00:00:00:fe'),
  role: 'addresses',
  evidence: 'probe',
  firstSeenAt: 0,
  lastSeenAt: 0,
  missed: 0,
};
const START: WatchFacts = {
  mode: 'full',
  allowOtherServers: false,
  interfaceName: 'eth0',
  state: 'watching',
  problem: null,
  searches: 0,
  sinceLinkMs: 0,
  servers: [],
};
const LATER = { ...START, searches: 5, sinceLinkMs: WATCH_TIMES.settleMs + 1 };

function standing(facts: Partial<WatchFacts>, base: WatchFacts = START) {
  return decideStanding({ ...base, ...facts }, WATCH_TIMES);
}

describe('full mode', () => {
  it('answers nobody before it has looked for other servers', () => {
    expect(standing({})).toEqual({
      state: 'watching',
      reason: 'looking for other DHCP servers on eth0 before the first answer',
      hint: null,
    });
  });

  it('answers when nobody else does', () => {
    expect(standing({ searches: 1 })).toMatchObject({ state: 'answering', hint: null });
  });

  it('stands aside beside another server, and names it, where it is, and the ways out', () => {
    const { state, reason, hint } = standing({ servers: [RIVAL] });
    expect(state).toBe('standing-aside');
    expect(reason).toContain('10.0.0.254 (52:54:00:00:00:fe), gives addresses on eth0');
    expect(hint).toMatch(/within 4 minutes.*mode = "proxy".*allow_other_servers = true/);
  });

  it('stands aside too when the other server shows up while switches still open their ports', () => {
    expect(standing({ state: 'answering', searches: 2, sinceLinkMs: 40_000, servers: [RIVAL] }).state).toBe('standing-aside');
  });

  it('goes on, with a warning, when another server turns up later', () => {
    const { state, reason, hint } = standing({ state: 'answering', servers: [RIVAL] }, LATER);
    expect([state, reason]).toEqual(['answering', expect.stringContaining('both answer now')]);
    expect(hint).toContain('After a restart this one would stand aside');
  });

  it('is not switched off by answers to others that were heard early: anybody can forge those', () => {
    const heard: SeenServer = { ...RIVAL, evidence: 'heard' };
    expect(standing({ state: 'answering', searches: 1, sinceLinkMs: 10_000, servers: [heard] }).state).toBe('answering');
  });

  it('is not kept from starting by a client’s word, nor by a server that gives no addresses', () => {
    const servers: SeenServer[] = [
      { ...RIVAL, evidence: 'named' },
      { ...RIVAL, role: 'boot' },
    ];
    for (const server of servers) expect(standing({ searches: 1, servers: [server] }).state).toBe('answering');
  });

  it('keeps standing aside while the other is there, whatever the time, and takes up when it is gone', () => {
    const aside = { ...LATER, state: 'standing-aside' } as const;
    expect(standing({ servers: [RIVAL] }, aside).state).toBe('standing-aside');
    expect(standing({}, aside)).toMatchObject({ state: 'answering', hint: null });
  });

  it('answers beside others from the start when told to', () => {
    const { state, reason, hint } = standing({ allowOtherServers: true, servers: [RIVAL] });
    expect([state, hint]).toEqual(['answering', null]);
    expect(reason).toContain('10.0.0.254');
  });

  it.each(['down', 'missing', 'no-address', 'send-failed'] as const)(
    'does not take a wire that is %s for one without servers',
    (problem) => {
      const { state, reason, hint } = standing({ problem });
      expect([state, reason, hint]).toEqual(['watching', expect.stringContaining('eth0'), expect.any(String)]);
    },
  );
});

describe('proxy mode', () => {
  const proxy = { ...START, mode: 'proxy', state: 'answering' } as const;

  it('answers beside the server that gives the addresses, without a warning', () => {
    expect(standing({ servers: [RIVAL] }, proxy)).toEqual({
      state: 'answering',
      reason: 'beside 10.0.0.254 (52:54:00:00:00:fe), which gives the addresses on eth0',
      hint: null,
    });
  });

  it('warns when nobody gives addresses, after a second look', () => {
    expect(standing({ searches: 1 }, proxy).isWithoutServer).toBeUndefined();
    const { reason, hint, isWithoutServer } = standing({ searches: 2 }, proxy);
    expect(isWithoutServer).toBe(true);
    expect(reason).toContain('machines will get no address');
    expect(hint).toContain('mode = "full"');
  });

  it('warns of a second network-boot server', () => {
    const { reason, hint } = standing({ servers: [{ ...RIVAL, role: 'boot', evidence: 'heard' }] }, proxy);
    expect([reason, hint]).toEqual([expect.stringContaining('machines may boot from either'), expect.any(String)]);
  });
});

describe('what is remembered of a server', () => {
  const seen = (address: string, evidence: Sighting['evidence']): Sighting => ({ address: ip(address), role: 'addresses', evidence });

  it('is the strongest evidence, and when it was heard last', () => {
    const first = withSighting([], seen('10.0.0.254', 'named'), 1);
    const second = withSighting(first, seen('10.0.0.254', 'probe'), 2);
    expect(withSighting(second, seen('10.0.0.254', 'heard'), 3)).toMatchObject([{ evidence: 'probe', firstSeenAt: 1, lastSeenAt: 3 }]);
  });

  it('does not stay alive by clients that still name it', () => {
    const [one] = withSighting([{ ...RIVAL, lastSeenAt: 5, missed: 2 }], seen('10.0.0.254', 'named'), 9);
    expect(one).toMatchObject({ lastSeenAt: 5, missed: 2 });
  });

  it('is forgotten after three searches without a word', () => {
    let servers: readonly SeenServer[] = [RIVAL];
    for (const since of [100, 200]) ({ servers } = afterSearch(servers, since, 3));
    expect(servers).toHaveLength(1);
    expect(afterSearch(servers, 300, 3)).toMatchObject({ servers: [], gone: [{ address: '10.0.0.254' }] });
  });

  it('is bounded, and made-up servers do not push out the one that answered us', () => {
    let servers: readonly SeenServer[] = [RIVAL];
    for (let number = 0; number < 1000; number += 1)
      servers = withSighting(servers, seen(`10.1.${number >> 8}.${number & 255}`, 'heard'), number);
    expect(servers).toHaveLength(16);
    expect(servers).toContain(RIVAL);
    expect(servers.at(-1)?.address).toBe('10.1.3.231');
  });
});

describe('the next search', () => {
  it.each([
    ['soon again while the wire is settling', { state: 'answering', searches: 1 }, WATCH_TIMES.settleEveryMs],
    ['rarely later', { state: 'answering', searches: 9, sinceLinkMs: 900_000 }, WATCH_TIMES.everyMs],
    ['often while standing aside', { state: 'standing-aside', searches: 9, sinceLinkMs: 900_000 }, WATCH_TIMES.asideEveryMs],
    ['at once again when the interface is not ready', { problem: 'down' }, WATCH_TIMES.retryMs],
  ] as const)('comes %s', (_when, facts, ms) => {
    expect(nextSearchMs({ ...START, ...facts }, WATCH_TIMES)).toBe(ms);
  });
});
