import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { ADMIN, addNode, bodyOf, type Harness, openApi, PLAYED_NETWORK, WAITING_TASK } from './harness.ts';
import { anyOf, withFields, withItems } from './matchers.ts';

const NODE = '11111111-2222-4333-8444-555555555555';

async function submit({ store, tasks }: Harness, subject: string, nodeUuid?: string): Promise<string> {
  return store.transaction((tx) =>
    tasks.submit(tx, { kind: WAITING_TASK.kind, subject, locks: [], args: {}, ...(nodeUuid === undefined ? {} : { nodeUuid }) }),
  );
}

/** All pages of a list: the names in each. */
async function pages(api: Harness, url: string, list: string, name: string): Promise<unknown[][]> {
  const found: unknown[][] = [];
  let token: unknown = '';
  while (typeof token === 'string') {
    const body = bodyOf(await api.get(`${url}${token === '' ? '' : `&pageToken=${token}`}`));
    const rows: unknown = body[list];
    found.push(Array.isArray(rows) ? rows.map((row: Record<string, unknown>) => row[name]) : []);
    token = body.nextPageToken;
  }
  return found;
}

describe('/api/nodes', () => {
  it('gives every node once, page by page, also when some come and go in between', async () => {
    const api = await openApi();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await addNode(api, name);
      await api.clock.advance(1000);
    }
    expect(await pages(api, '/api/nodes?limit=2', 'nodes', 'name')).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(await pages(api, '/api/nodes?limit=5', 'nodes', 'name')).toEqual([['a', 'b', 'c', 'd', 'e']]);
    expect(await pages(api, '/api/nodes?limit=3&order=desc&sort=name', 'nodes', 'name')).toEqual([
      ['e', 'd', 'c'],
      ['b', 'a'],
    ]);
    const first = bodyOf(await api.get('/api/nodes?limit=2'));
    await addNode(api, 'f');
    const second = bodyOf(await api.get(`/api/nodes?limit=9&pageToken=${String(first.nextPageToken)}`));
    expect(second).toMatchObject({ nodes: [{ name: 'c' }, { name: 'd' }, { name: 'e' }, { name: 'f' }], nextPageToken: null });
  });

  it('refuses a page token with another sort or filter', async () => {
    const api = await openApi();
    await addNode(api, 'a');
    await addNode(api, 'b');
    const { nextPageToken } = bodyOf(await api.get('/api/nodes?limit=1'));
    for (const more of ['sort=name', 'order=desc', 'driver=ipmi', 'state=enroll']) {
      const response = await api.get(`/api/nodes?limit=1&${more}&pageToken=${String(nextPageToken)}`);
      expect.soft(bodyOf(response), more).toMatchObject({ code: 'api.bad_page_token', detail: containing('another') });
    }
  });

  it('leaves a machine alone, and takes that back; saying it twice changes nothing', async () => {
    const api = await openApi();
    await addNode(api, 'a');
    for (const [method, ignored, version] of [
      ['PUT', true, '"2"'],
      ['PUT', true, '"2"'],
      ['DELETE', false, '"3"'],
      ['DELETE', false, '"3"'],
    ] as const) {
      const response = await api.app.inject({ method, url: '/api/nodes/a/ignored', headers: ADMIN });
      expect(bodyOf(response)).toMatchObject({ name: 'a', ignored });
      const now = await api.get('/api/nodes/a');
      expect([bodyOf(now).ignored, now.headers.etag]).toEqual([ignored, version]);
    }
  });

  it('filters', async () => {
    const api = await openApi();
    await addNode(api, 'a', { driver: 'ipmi' });
    await addNode(api, 'b', { maintenance: true });
    const names = async (query: string) => (await pages(api, `/api/nodes?${query}`, 'nodes', 'name')).flat();
    expect(await names('driver=ipmi')).toEqual(['a']);
    expect(await names('maintenance=true')).toEqual(['b']);
    expect(await names('maintenance=false')).toEqual(['a']);
    expect(await names('state=enroll')).toHaveLength(2);
    expect(await names('state=active')).toEqual([]);
  });

  it('shows one by name or UUID, with its ports and an ETag, and never a secret', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one', {
      mac: '52:54:00:00:00:01',
      driverInfo: { ipmi_address: '10.0.0.1', ipmi_password: 'canary' },
      instanceInfo: { configdrive: 'canary' },
    });
    const byName = await api.get('/api/nodes/one');
    expect(byName.headers.etag).toBe(`"${node.version}"`);
    expect(bodyOf(byName)).toMatchObject({
      uuid: node.uuid,
      provisionState: 'enroll',
      macs: ['52:54:00:00:00:01'],
      ports: [{ address: '52:54:00:00:00:01', pxeEnabled: true }],
      driverInfo: { ipmi_address: '10.0.0.1', ipmi_password: '******' },
      instanceInfo: { configdrive: '******' },
      permittedVerbs: ['manage'],
      createdAt: '2023-11-14T22:13:20.000Z',
    });
    expect(byName.body).not.toContain('canary');
    expect((await api.get(`/api/nodes/${node.uuid.toUpperCase()}`)).body).toBe(byName.body);
    expect(bodyOf(await api.get('/api/nodes/two'))).toMatchObject({ status: 404, code: 'api.not_found', detail: 'there is no node "two"' });
  });

  it('tells the history of moves, the newest first', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one');
    const { node: moved } = await api.store.transaction((tx) => api.nodes.move(tx, { node, event: 'manage', who: 'user', actor: 'ada' }));
    await api.clock.advance(1000);
    await api.store.transaction((tx) => api.nodes.move(tx, { node: moved, event: 'fail', who: 'system', reason: 'no answer' }));
    expect(bodyOf(await api.get('/api/nodes/one/history'))).toMatchObject({
      history: [
        { event: 'fail', from: 'verifying', to: 'enroll', who: 'system', reason: 'no answer' },
        { event: 'manage', from: 'enroll', to: 'verifying', who: 'user', actor: 'ada' },
      ],
    });
  });
});

describe('reasons', () => {
  it('are those of the node and of its MACs, the newest first, including those not written yet', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one', { mac: '52:54:00:00:00:01' });
    const note = (subject: string, decision: string) =>
      api.store.reasons.note({ subject, area: 'boot', decision, reason: 'because', data: { x: 1 } });
    note('mac:52:54:00:00:00:01', 'first');
    note('mac:52:54:00:00:00:02', 'of another machine');
    note(`node:${node.uuid}`, 'second');
    const { reasons } = bodyOf(await api.get('/api/nodes/one/reasons'));
    expect(reasons).toHaveLength(2);
    expect(reasons).toEqual(
      withItems([
        { subject: 'mac:52:54:00:00:00:01', at: anyOf(String), area: 'boot', decision: 'first', reason: 'because', data: { x: 1 } },
        withFields({ subject: `node:${node.uuid}`, decision: 'second' }),
      ]),
    );
    expect(bodyOf(await api.get('/api/nodes/one/reasons?limit=1'))).toMatchObject({ reasons: [{}] });
    expect(bodyOf(await api.get('/api/reasons?subject=mac:52-54-00-00-00-02'))).toMatchObject({
      reasons: [{ decision: 'of another machine' }],
    });
    expect(bodyOf(await api.get(`/api/reasons?subject=node:${node.uuid.toUpperCase()}`))).toMatchObject({
      reasons: [{ decision: 'second' }],
    });
  });
});

describe('/api/tasks', () => {
  it('lists the newest first, page by page, by state and node', async () => {
    const api = await openApi();
    for (const subject of ['one', 'two', 'three']) {
      await submit(api, subject, subject === 'two' ? NODE : undefined);
      await api.clock.advance(10);
    }
    expect(await pages(api, '/api/tasks?limit=2', 'tasks', 'subject')).toEqual([['three', 'two'], ['one']]);
    expect(await pages(api, '/api/tasks?state=queued', 'tasks', 'subject')).toEqual([['three', 'two', 'one']]);
    expect(await pages(api, '/api/tasks?state=failed', 'tasks', 'subject')).toEqual([[]]);
    expect(await pages(api, `/api/tasks?node=${NODE}`, 'tasks', 'subject')).toEqual([['two']]);
    expect((await api.get('/metrics')).body).toContain('rackseed_tasks{state="queued"} 3');
  });

  it('shows one with its steps, and cancels it once', async () => {
    const api = await openApi();
    const id = await submit(api, 'one');
    expect(bodyOf(await api.get(`/api/tasks/${id}`))).toMatchObject({
      id,
      kind: 'test.wait',
      state: 'queued',
      steps: [{ position: 0, name: 'wait', state: 'pending' }],
      blockedBy: [],
    });
    const cancel = () => api.app.inject({ method: 'POST', url: `/api/tasks/${id}/cancel`, headers: ADMIN });
    const cancelled = await cancel();
    expect(cancelled.statusCode).toBe(202);
    expect(bodyOf(cancelled)).toMatchObject({ state: 'cancelled', error: { code: 'tasks.cancelled', message: 'cancelled by ada' } });
    expect(bodyOf(await cancel())).toMatchObject({ status: 409, code: 'api.task_ended' });
    for (const url of ['/api/tasks/nobody', '/api/tasks/nobody/logs']) expect((await api.get(url)).statusCode).toBe(404);
    expect((await api.app.inject({ method: 'POST', url: '/api/tasks/nobody/cancel', headers: ADMIN })).statusCode).toBe(404);
  });

  it('gives the log from the line after the last one seen, also lines that are not written yet', async () => {
    const api = await openApi();
    const id = await submit(api, 'one');
    for (const line of ['a', 'b', 'c']) api.store.taskLogs.append({ taskId: id, position: 0, stream: 'out', line });
    const first = bodyOf(await api.get(`/api/tasks/${id}/logs?limit=2`));
    expect(first).toMatchObject({ lines: [{ line: 'a', step: 0, stream: 'out' }, { line: 'b' }] });
    const second = bodyOf(await api.get(`/api/tasks/${id}/logs?after=${String(first.after)}`));
    expect(second).toMatchObject({ lines: [{ line: 'c' }] });
    expect(bodyOf(await api.get(`/api/tasks/${id}/logs?after=${String(second.after)}`))).toEqual({ lines: [], after: second.after });
  });
});

describe('/api/enrolment', () => {
  it('opens for a time, and closes', async () => {
    const { app, get } = await openApi();
    const put = (payload: object) => app.inject({ method: 'PUT', url: '/api/enrolment', headers: ADMIN, payload });
    expect(bodyOf(await put({ mode: 'open', minutes: 10 }))).toEqual({ mode: 'open', until: '2023-11-14T22:23:20.000Z' });
    expect(bodyOf(await get('/api/enrolment'))).toEqual({ mode: 'open', until: '2023-11-14T22:23:20.000Z' });
    expect(bodyOf(await put({ mode: 'closed' }))).toEqual({ mode: 'closed', until: null });
  });
});

describe('/api/network', () => {
  it('says what DHCP does and why, which other servers were heard, and what is being downloaded', async () => {
    const { get } = await openApi();
    expect(bodyOf(await get('/api/network'))).toEqual({
      dhcp: {
        ...PLAYED_NETWORK.dhcp,
        interfaces: [
          {
            name: 'eth0',
            address: '192.0.2.9',
            state: 'standing-aside',
            reason: '192.0.2.1 gives addresses on eth0',
            hint: 'switch it off',
            otherServers: [
              {
                address: '192.0.2.1',
                mac: null,
                role: 'addresses',
                evidence: 'it sent OFFER',
                firstSeenAt: '1970-01-01T00:00:01.000Z',
                lastSeenAt: '1970-01-01T00:00:02.000Z',
              },
            ],
          },
        ],
      },
      dhcp6: PLAYED_NETWORK.dhcp6,
      tftp: PLAYED_NETWORK.tftp,
      http: {
        ...PLAYED_NETWORK.http,
        downloads: [
          {
            peer: '192.0.2.77',
            file: 'agent/initrd-amd64',
            sentBytes: 10,
            totalBytes: 20,
            bytesPerSecond: 5,
            state: 'sending',
            startedAt: '1970-01-01T00:00:03.000Z',
          },
        ],
      },
    });
  });

  it('probes when an operator asks, and answers with what is known then', async () => {
    let probes = 0;
    const probe = async (): Promise<void> => {
      probes += 1;
    };
    const { app } = await openApi({ services: (real) => ({ ...real, network: { ...real.network, probe } }) });
    const ask = (token: string) => app.inject({ method: 'POST', url: '/api/network/probe', headers: { authorization: `Bearer ${token}` } });
    expect((await ask('reader-token')).statusCode).toBe(403);
    expect(probes).toBe(0);
    const answer = await ask('operator-token');
    expect([answer.statusCode, probes]).toEqual([200, 1]);
    expect(bodyOf(answer)).toMatchObject({ dhcp: { state: 'standing-aside' } });
  });

  it('counts packets, transfers and requests in /metrics', async () => {
    const { get } = await openApi();
    const text = (await get('/metrics')).body;
    expect(text).toContain('rackseed_dhcp_packets_total{result="received"} 7');
    expect(text).toContain('rackseed_dhcp6_packets_total{result="sent"} 4');
    expect(text).toContain('rackseed_tftp_total{result="completed"} 2');
    expect(text).toContain('rackseed_http_boot_total{result="requests"} 5');
  });
});

describe('/api/states', () => {
  it('is the table, and the picture cannot run anything', async () => {
    const { get } = await openApi();
    const body = bodyOf(await get('/api/states'));
    expect(body.states).toEqual(withItems([withFields({ name: 'wait call-back', kind: 'waiting', target: 'active' })]));
    expect(body.moves).toEqual(withItems([withFields({ from: 'enroll', event: 'manage', to: 'verifying', who: ['user'] })]));
    expect(body.verbs).toEqual(withItems([withFields({ verb: 'provide' })]));
    const picture = await get('/api/states.svg');
    expect(picture.headers['content-type']).toBe('image/svg+xml');
    expect(picture.headers['content-security-policy']).toContain("default-src 'none'");
    expect(picture.body).toMatch(/^<svg /);
  });
});
