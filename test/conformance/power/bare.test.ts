// The drivers of machines without a BMC against real peers on loopback: OpenSSH's sshd, a UDP listener, HTTP servers. And the suite of all.

import { createSocket } from 'node:dgram';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Mac } from '../../../src/lib/index.ts';
import { Secret, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import type { DriverInfo } from '../../../src/nodes/index.ts';
import { createDrivers, type Driver, type DriverParts, type Target } from '../../../src/power/index.ts';
import { containing } from '../../support/containing.ts';
import { playedDesk } from '../../support/desk.ts';
import { mapMemory } from './memory.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { driverSuite, PASSWORD, targetOf } from './suite.ts';
import { certificateFor } from './tls-pair.ts';

const MAC = '52:54:00:12:34:56' as Mac; // in its one spelling
const anywhere = { mayReach: () => true };

function driverOf(name: string, parts: Partial<DriverParts> = {}): Driver {
  const drivers = createDrivers({ clock: systemClock, random: systemRandom, memory: mapMemory(), ...parts });
  const found = drivers.find((driver) => driver.interface === 'power' && driver.name === name);
  if (found === undefined) throw new Error(`there is no power interface ${name}`);
  return found;
}

const call = () => ({ signal: AbortSignal.timeout(60_000), log: silentLog });
const withMac = (info: DriverInfo): Target => targetOf(info, { macs: [MAC] });

interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Takes connections and never says anything. */
async function silentTcp(): Promise<Listener> {
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: portOf(server.address()),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function portOf(address: ReturnType<Server['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const sshInfo = (sshd: Pick<Sshd, 'port' | 'privateKey'>, more: DriverInfo = {}): DriverInfo => ({
  ssh_address: '127.0.0.1',
  ssh_port: sshd.port,
  ssh_private_key: new Secret(sshd.privateKey),
  ...more,
});

driverSuite('ssh', async () => {
  const [sshd, silent] = [await startSshd(), await silentTcp()];
  return {
    driver: driverOf('ssh'),
    well: targetOf(sshInfo(sshd, { ssh_host_key: sshd.fingerprint })),
    failing: targetOf(sshInfo(sshd, { ssh_host_key: `SHA256:${'A'.repeat(43)}` })),
    hanging: targetOf(sshInfo({ port: silent.port, privateKey: sshd.privateKey })),
    required: ['ssh_address'],
    malformed: {
      ssh_address: 'host; reboot',
      ssh_port: 'ssh',
      ssh_username: '-oProxyCommand=x',
      ssh_host_key: 'md5:aa',
      ssh_private_key: 7,
    },
    // A machine that was told to go off and answers still is on; the sshd of this test never goes.
    asksMachine: true,
    goesOff: false,
    close: async () => {
      await sshd.close();
      await silent.close();
    },
  };
});

describe('ssh', () => {
  const withSshd = (work: (sshd: Sshd) => Promise<void>) => async (): Promise<void> => {
    const sshd = await startSshd();
    try {
      await work(sshd);
    } finally {
      await sshd.close();
    }
  };

  it(
    'tells the system with its own words, and nothing of the node is in them',
    withSshd(async (sshd) => {
      const { power } = driverOf('ssh');
      const target = { ...targetOf(sshInfo(sshd)), name: '"; touch /tmp/x; "' };
      expect(await power?.state(target, call())).toBe('power on');
      await power?.set(target, 'soft rebooting', call());
      await power?.set(target, 'soft power off', call());
      expect(await sshd.asked()).toBe('systemctl reboot || shutdown -r now\nsystemctl poweroff || shutdown -P now\n');
    }),
  );

  it(
    'keeps the first host key that it saw, and does not talk to another',
    withSshd(async (sshd) => {
      const memory = mapMemory();
      const { power } = driverOf('ssh', { memory });
      const target = targetOf(sshInfo(sshd));
      await power?.state(target, call());
      expect(await memory.read('ssh', target.uuid)).toEqual({ hostKey: sshd.fingerprint });
      await memory.write('ssh', target.uuid, { hostKey: `SHA256:${'B'.repeat(43)}` });
      await expect(power?.set(target, 'power off', call())).rejects.toMatchObject({ code: 'power.not_trusted' });
      expect(await sshd.asked()).toBe('');
    }),
  );

  it(
    'says which key to let in where it is not let in, and what the system said where it refused',
    withSshd(async (sshd) => {
      const { power } = driverOf('ssh', {
        sshKey: {
          privateKey: () => Promise.resolve(new Secret(sshd.privateKey)),
          publicLine: () => Promise.resolve('ssh-ed25519 AAAA us'),
        },
      });
      const target = targetOf({ ssh_address: '127.0.0.1', ssh_port: sshd.port });
      await sshd.answers(1);
      await expect(power?.set(target, 'power off', call())).rejects.toThrow('refused to shut down (exit code 1)');
      await sshd.authorize('# nobody');
      await expect(power?.set(target, 'power off', call())).rejects.toMatchObject({
        code: 'power.refused',
        hint: containing('ssh-ed25519 AAAA us'),
      });
      expect(await power?.state(target, call())).toBe('power on');
    }),
  );

  it('takes a password only together with a host key', () => {
    const refusal = driverOf('ssh').refusal(targetOf({ ssh_address: '192.0.2.1', ssh_password: new Secret(PASSWORD) }));
    expect(refusal).toBe('driver_info lacks ssh_host_key, which ssh_password needs');
  });
});

driverSuite('wol', () => {
  const well = withMac({ wol_host: '127.0.0.1', wol_port: 9 });
  return Promise.resolve({
    driver: driverOf('wol'),
    well,
    failing: well,
    hanging: well,
    required: [],
    malformed: { wol_host: 'everywhere', wol_port: 'nine', wol_password: PASSWORD },
    asksMachine: false, // nobody acknowledges a magic packet
  });
});

describe('wol', () => {
  it('sends each port of the machine its magic packet, three times, with the password', async () => {
    const socket = createSocket('udp4');
    const heard: Buffer[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (packet) => {
        heard.push(packet);
        if (heard.length === 6) resolve();
      });
    });
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve);
    });
    const info = { wol_host: '127.0.0.1', wol_port: socket.address().port, wol_password: new Secret('01:02:03:04:05:06') };
    const other = '52:54:00:12:34:57' as Mac; // in its one spelling
    await driverOf('wol').power?.set(targetOf(info, { macs: [MAC, other] }), 'power on', call());
    await all;
    socket.close();
    const packet = Buffer.from(`${'ff'.repeat(6)}${'525400123456'.repeat(16)}010203040506`, 'hex');
    expect(heard.filter((one) => one.equals(packet))).toHaveLength(3);
  });

  it('says so when there is no way out', async () => {
    const work = driverOf('wol').power?.set(withMac({ wol_interface: 'nosuch0' }), 'power on', call());
    await expect(work).rejects.toMatchObject({ code: 'power.unreachable', hint: containing('wol_interface') });
    expect(driverOf('wol').refusal(targetOf({}))).toContain('add a port');
  });
});

interface Plug extends Listener {
  readonly asked: string[];
}

/** A device with a relay; whoever does not know its password is sent away. */
async function plug(make: (answer: Parameters<typeof createHttp>[1]) => Server = (answer) => createHttp(answer)): Promise<Plug> {
  const asked: string[] = [];
  let isOn = false;
  const respond = ({ url = '', method = '', headers }: IncomingMessage, body: string, reply: ServerResponse): void => {
    asked.push(`${method} ${url} ${body}`.trim());
    const basic = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
    if (headers.authorization !== basic) reply.statusCode = 401;
    else if (url.startsWith('/away')) reply.writeHead(302, { location: '/relay?on=1' });
    else if (url.startsWith('/relay')) isOn = url.includes('on=1');
    reply.end(url.startsWith('/huge') ? 'x'.repeat(100_000) : JSON.stringify({ relays: [{ 'is/on': isOn, watts: isOn ? 31.5 : 0.4 }] }));
  };
  const server = make((request, reply) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => respond(request, body, reply));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    asked,
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function plugInfo(port: number, more: DriverInfo = {}, scheme = 'http'): DriverInfo {
  const base = `${scheme}://127.0.0.1:${port}`;
  return {
    http_power_on: { url: `${base}/relay?on=1&by={name}` },
    http_power_off: { url: `${base}/relay?on=0` },
    http_soft_off: { url: `${base}/relay?on=0`, method: 'POST', body: { who: '{uuid}', token: '{http_token}' } },
    http_state: { url: `${base}/state`, pointer: '/relays/0/is~1on', on: true, off: false },
    http_username: 'admin',
    http_password: new Secret(PASSWORD),
    http_token: new Secret('to"ken'),
    http_off_seconds: 0,
    ...more,
  };
}

driverSuite('http', async () => {
  const [device, silent] = [await plug(), await silentTcp()];
  return {
    driver: driverOf('http', anywhere),
    well: targetOf(plugInfo(device.port)),
    failing: targetOf(plugInfo(device.port, { http_password: new Secret(`not ${PASSWORD}`), http_token: new Secret(PASSWORD) })),
    hanging: targetOf(plugInfo(silent.port)),
    required: [],
    malformed: {
      http_power_on: { url: 'file:///etc/passwd' },
      http_power_off: { url: 'http://user:word@192.0.2.1/' },
      http_state: { url: 'http://192.0.2.1/', pointer: 'relay', on: true },
      http_reset: { url: 'http://{http_token}.example/' },
      http_soft_off: { url: 'http://192.0.2.1/', headers: { Authorization: `Bearer ${PASSWORD}` } },
      http_fingerprint: 'aa:bb',
    },
    asksMachine: true,
    close: async () => {
      await device.close();
      await silent.close();
    },
  };
});

describe('http', () => {
  const withPlug = (work: (device: Plug) => Promise<void>) => async (): Promise<void> => {
    const device = await plug();
    try {
      await work(device);
    } finally {
      await device.close();
    }
  };

  it(
    'fills in its templates, quoted for where they stand',
    withPlug(async ({ port, asked }) => {
      const { power } = driverOf('http', anywhere);
      const target = { ...targetOf(plugInfo(port)), name: 'a&b' };
      await power?.set(target, 'power on', call());
      await power?.set(target, 'soft power off', call());
      expect(asked).toEqual(['GET /relay?on=1&by=a%26b', `POST /relay?on=0 {"who":"${target.uuid}","token":"to\\"ken"}`]);
    }),
  );

  it(
    'restarts by off and on, or by the reset that there is',
    withPlug(async ({ port, asked }) => {
      const { power } = driverOf('http', anywhere);
      await power?.set(targetOf(plugInfo(port)), 'rebooting', call());
      const reset = { http_reset: { url: `http://127.0.0.1:${port}/reset`, method: 'PUT' } };
      await power?.set(targetOf(plugInfo(port, reset)), 'rebooting', call());
      expect(asked.map((line) => line.split('&')[0])).toEqual(['GET /relay?on=0', 'GET /relay?on=1', 'GET /state', 'PUT /reset']);
    }),
  );

  it(
    'reads watts as well as words',
    withPlug(async ({ port }) => {
      const { power } = driverOf('http', anywhere);
      const info = plugInfo(port, { http_state: { url: `http://127.0.0.1:${port}/state`, pointer: '/relays/0/watts', above: 5 } });
      expect(await power?.state(targetOf(info), call())).toBe('power off');
      await power?.set(targetOf(info), 'power on', call());
      expect(await power?.state(targetOf(info), call())).toBe('power on');
    }),
  );

  it(
    'follows no redirect, reads no endless answer, and never asks the appliance itself',
    withPlug(async ({ port, asked }) => {
      const base = `http://127.0.0.1:${port}`;
      const { power } = driverOf('http', anywhere);
      const away = targetOf(plugInfo(port, { http_power_on: { url: `${base}/away` } }));
      await expect(power?.set(away, 'power on', call())).rejects.toThrow('redirects are not followed');
      const huge = targetOf(plugInfo(port, { http_power_on: { url: `${base}/huge` } }));
      await expect(power?.set(huge, 'power on', call())).rejects.toThrow('longer than 64 KiB');
      const before = asked.length;
      for (const host of ['127.0.0.1', 'localhost', '0.0.0.0', '[::1]', '169.254.169.254', '[::ffff:127.0.0.1]']) {
        const target = targetOf(plugInfo(port, { http_power_on: { url: `http://${host}:${port}/relay?on=1` } }));
        await expect(driverOf('http').power?.set(target, 'power on', call()), host).rejects.toMatchObject({ code: 'power.refused' });
      }
      expect(asked).toHaveLength(before);
    }),
  );

  it('believes a certificate by its fingerprint only, and says nothing to another', async () => {
    const pair = await certificateFor('plug');
    const device = await plug((answer) => createHttps({ key: pair.key, cert: pair.cert }, answer));
    try {
      const { power } = driverOf('http', anywhere);
      const pinned = (http_fingerprint: string) => targetOf(plugInfo(device.port, { http_fingerprint }, 'https'));
      await power?.set(pinned(pair.fingerprint), 'power on', call());
      await expect(power?.set(pinned('ab'.repeat(32)), 'power on', call())).rejects.toMatchObject({ code: 'power.not_trusted' });
      await expect(power?.set(targetOf(plugInfo(device.port, {}, 'https')), 'power on', call())).rejects.toMatchObject({
        code: 'power.unreachable',
      });
      expect(device.asked).toHaveLength(1);
    } finally {
      await device.close();
    }
  });
});

driverSuite('manual', () => {
  const well = targetOf({});
  return Promise.resolve({
    driver: driverOf('manual'),
    well,
    failing: well,
    hanging: well,
    required: [],
    malformed: {},
    asksMachine: false,
    goesOff: false,
    goesOn: false, // there is no person in this suite
  });
});

driverSuite('agent', () => {
  const desk = playedDesk(systemClock);
  const well = targetOf({});
  const beat = setInterval(() => desk.take(well.uuid), 10);
  desk.heard(well.uuid);
  return Promise.resolve({
    driver: driverOf('agent', { desk: { ...desk, isBeating: () => true, seen: () => Promise.resolve(true) } }),
    well,
    failing: well,
    hanging: well,
    required: [],
    malformed: {},
    asksMachine: false,
    goesOff: false, // this agent beats on
    close: () => {
      clearInterval(beat);
      return Promise.resolve();
    },
  });
});
