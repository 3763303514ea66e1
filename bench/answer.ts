// Answers: two hundred installers ask within a second, each over a TLS connection of its own, a real appliance; beside it a server that knows
// one answer for all, which is the floor that TLS sets.

import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runProgram } from '../src/lib/index.ts';
import type { Bench } from './harness.ts';
import { type AnswerServer, startAnswerServer } from './support/answer-server.ts';
import { type AnswerSite, type AskingMachine, startAnswerSite } from './support/answer-site.ts';
import { quantile } from './support/quantile.ts';

const MACHINES = 200;
const WITHIN_MS = 1000;
const ROUNDS = 3;
/** Before anything is measured: whoever was just started compiles with its first requests. */
const WARM = 50;
const CASE = 'p99-200-within-a-second';

let directory = '';
let site: AnswerSite | undefined;
let floor: AnswerServer | undefined;
let asked = 0;

/** Each machine asks once in its life: the next ones. */
function take(count: number): readonly AskingMachine[] {
  if (site === undefined) throw new Error('the site comes first');
  const machines = site.machines.slice(asked, asked + count);
  asked += count;
  if (machines.length < count) throw new Error('all machines have asked');
  return machines;
}

function ask(port: number, { path, body }: AskingMachine): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) };
    // As the installer: a connection of its own, and only the fingerprint counts.
    const sent = request(
      { host: '127.0.0.1', port, path, method: 'POST', headers, agent: false, rejectUnauthorized: false },
      (response) => {
        response.resume();
        response.on('end', () => {
          if (response.statusCode === 200) resolve(performance.now() - began);
          else reject(new Error(`HTTP ${response.statusCode ?? 0} for an answer`));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function p99(port: number, machines: readonly AskingMachine[], who: string): Promise<number> {
  const gap = WITHIN_MS / machines.length;
  const began = performance.now();
  const figures = await Promise.all(
    machines.map(async (machine, at) => {
      await pause(Math.max(0, began + at * gap - performance.now()));
      return ask(port, machine);
    }),
  );
  const sorted = figures.toSorted((a, b) => a - b);
  const found = quantile(sorted, 0.99);
  const words = [0.5, 0.9, 1].map((share) => quantile(sorted, share).toFixed(1)).join(', ');
  process.stderr.write(`${who}: p50, p90, most ${words}; p99 ${found.toFixed(1)} ms\n`);
  return found;
}

export const bench: Bench = {
  name: 'answer',
  unit: 'ms (p99)',
  larger: false,
  rounds: ROUNDS,
  async setup() {
    directory = await mkdtemp(join(tmpdir(), 'rackseed-answers-'));
    asked = 0;
    site = await startAnswerSite(directory, ROUNDS * MACHINES + WARM);
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=floor'];
    const { code, stderr } = await runProgram('openssl', ['req', ...kind, '-keyout', key, '-out', cert]);
    if (code !== 0) throw new Error(`openssl: ${stderr}`);
    floor = await startAnswerServer(key, cert);
    const warm = take(WARM);
    await p99(site.port, warm, 'ours, warming up');
    await p99(floor.port, warm, 'floor, warming up');
  },
  async teardown() {
    await site?.stop();
    await floor?.stop();
    await rm(directory, { recursive: true, force: true });
  },
  ours: { [CASE]: () => p99(site?.port ?? 0, take(MACHINES), 'ours') },
  peers: { 'static TLS server': { [CASE]: () => p99(floor?.port ?? 0, (site?.machines ?? []).slice(0, MACHINES), 'floor') } },
  promises: [{ case: CASE, limit: 200 }],
  note:
    'Client and server share the machine. Ours looks the machine up, renders its answer and stores that it was served; the floor only does TLS. ' +
    'Machines that load their installer from here have their answers made by then; these have not, which is what a restart leaves.',
};
