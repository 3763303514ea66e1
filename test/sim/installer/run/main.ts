// The installer: asks for its answer, checks it, installs, tells its web hook. Each stage says a line on the console; a failed one is the end,
// as the real one's shell is. Ends with 0 to restart, 3 to switch off, 1 to stay.

import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, readAnswer } from '../logic/answer.ts';
import { readLocales } from '../logic/answer-values.ts';
import { hookBody } from '../logic/hook-body.ts';
import { selectDisks } from '../logic/machine.ts';
import { readModeFile } from '../logic/mode-file.ts';
import { settle } from '../logic/network.ts';
import { Refused } from '../logic/section.ts';
import { planStorage } from '../logic/storage.ts';
import { answerForm, requestBody, requestHeaders } from '../logic/transport.ts';
import { installLoaders, partitionAll, TARGET, unmountAll, unpackSystem } from './disks.ts';
import { type Facts, findDisks, findLease, findPorts, gatherFacts } from './facts.ts';
import { ask } from './http.ts';
import { run, say, word } from './shell.ts';
import { configure, makeHostKeys } from './target.ts';

const REBOOT = 0;
const STAY = 1;
const POWER_OFF = 3;
const ERROR_WAIT_MS = 30_000;
const MAX_FIRST_BOOT = 2 ** 20;

let stage = 'mode';
let isRebootingOnError = false;

async function main(): Promise<number> {
  const facts = gatherFacts();
  const answer = await getAnswer(facts);
  isRebootingOnError = answer.global.rebootOnError;
  begin('disks');
  const { product } = facts.information.product;
  const [disks, ports] = [findDisks(), findPorts()];
  const settings = settle(answer, ports, findLease());
  const chosen = selectDisks(disks, answer.disks);
  say(
    `disks ${chosen.map(({ path }) => path).join(' ')} of ${disks.map(({ path }) => path).join(' ')}; management ${settings.management.name}`,
  );
  const firstBoot = await getFirstBoot(answer);
  begin('storage');
  const plans = planStorage(chosen, answer.disks, facts.bootMode);
  partitionAll(plans);
  begin('system');
  const rootUuid = unpackSystem(plans, product);
  say('unpacked');
  const machineId = configure({ answer, settings, ports, firstBoot, rootUuid });
  const hostKeys = makeHostKeys(settings.fqdn.host);
  say('configured');
  begin('loader');
  installLoaders({ plans, setup: answer.disks, rootUuid, bootMode: facts.bootMode });
  await tellHook(answer, () => {
    const kernel = { release: word('/usr/lib/installer/version') ?? '', version: word('/proc/sys/kernel/version') ?? '' };
    const debianVersion = word(`${TARGET}/etc/debian_version`) ?? '';
    const cpuinfo = readFileSync('/proc/cpuinfo', 'utf8');
    return hookBody({ ...facts, answer, settings, disks, chosen, ports, debianVersion, kernel, machineId, cpuinfo, hostKeys });
  });
  begin('end');
  unmountAll();
  say(`done ${settings.fqdn.host}`);
  return answer.global.rebootMode === 'power-off' ? POWER_OFF : REBOOT;
}

function begin(name: string): void {
  stage = name;
}

async function getAnswer({ information }: Facts): Promise<Answer> {
  const { release } = information.iso;
  const path = '/cdrom/auto-installer-mode.toml';
  if (!existsSync(path)) throw new Refused('no auto-installer-mode.toml on the ISO');
  const mode = readModeFile(readFileSync(path, 'utf8'), release);
  if (mode.url === null) throw new Refused('no URL, and asking DHCP or DNS for it is not played here');
  begin('answer');
  say(`asking ${new URL(mode.url).host}`);
  const headers = requestHeaders(release, mode.token);
  const response = await ask({ method: 'POST', url: mode.url, fingerprint: mode.fingerprint, headers, body: requestBody(information) });
  const form = answerForm(response, release);
  say(`answer of ${response.body.length} bytes`);
  const zones = '/usr/share/zoneinfo';
  const locales = readLocales(readFileSync(`${zones}/iso3166.tab`, 'utf8'), readFileSync(`${zones}/zone.tab`, 'utf8'));
  const answer = readAnswer(response.body.toString(), form, { product: information.product.product, release, locales });
  say('answer accepted');
  return answer;
}

async function getFirstBoot({ firstBoot }: Answer): Promise<Buffer | null> {
  if (firstBoot === null) return null;
  begin('first-boot');
  if (firstBoot.url === null) {
    if (!existsSync('/cdrom/proxmox-first-boot')) throw new Refused('no proxmox-first-boot on the ISO');
    return readFileSync('/cdrom/proxmox-first-boot');
  }
  const { status, body } = await ask({ method: 'GET', url: firstBoot.url, fingerprint: firstBoot.fingerprint });
  if (status !== 200 && status !== 201) throw new Refused(`the server answered ${status}`);
  if (body.length > MAX_FIRST_BOOT) throw new Refused(`${body.length} bytes are too many`);
  say(`first-boot program of ${body.length} bytes`);
  return body;
}

async function tellHook({ hook }: Answer, body: () => string): Promise<void> {
  if (hook === null) return;
  begin('hook');
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  const { status } = await ask({ method: 'POST', url: hook.url, fingerprint: hook.fingerprint, headers, body: body() });
  if (status !== 200 && status !== 201) throw new Refused(`the server answered ${status}`);
  say('hook told');
}

try {
  process.exitCode = await main();
} catch (thrown) {
  say(`FAILED ${stage}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  if (isRebootingOnError) {
    await sleep(ERROR_WAIT_MS);
    run('sync', []);
  }
  process.exitCode = isRebootingOnError ? REBOOT : STAY;
}
