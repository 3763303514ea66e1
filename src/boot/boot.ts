// The boot service: joins the pure decisions with what the store knows, and notes every reason. DHCP, TFTP and the boot listener ask it.

import type { Config } from '../config/index.ts';
import type { Clock, Log, Mac } from '../lib/index.ts';
import type { Reasons } from '../store/index.ts';
import type { Attempts } from './attempts.ts';
import { createBootTimes, timeSpent } from './boot-times.ts';
import { type MachineArchitecture, processorOf } from './decide/architectures.ts';
import { decideProgram, mayStartDisk, type Program, titleOf } from './decide/decide.ts';
import { type ClientFacts, decideOffer, FIRST_ATTEMPT, LOOP_AT, type LoaderWish, type Offer } from './decide/decide-offer.ts';
import { type HardwareNames, NO_NAMES } from './decide/facts.ts';
import { chooseOwnDisk } from './decide/own-disk-decide.ts';
import type { Enrolment } from './enrolment.ts';
import { AGENT_INITRD, AGENT_KERNEL, type BootFiles } from './files/files.ts';
import type { InstallerBoot, Installs } from './installs.ts';
import { type MachineAsk, readMachineAsk } from './machine-ask.ts';
import { NO_INSTALLER_BY_GRUB } from './script/grub-render.ts';
import { type AgentBoot, type DiskWay, type InstallBoot, type Message, renderMachine, renderStart, type Scripts } from './script/script.ts';
import { createSituations, type DeploysBy, type FindMachine, type HardwareOf, type Look } from './situation.ts';

export interface BootOptions {
  readonly enrolment: Enrolment;
  readonly isObserveOnly: boolean;
  readonly config: Pick<Config, 'boot' | 'rule' | 'enrol'>;
  readonly findMachine: FindMachine;
  readonly hardwareOf: HardwareOf;
  readonly deploysBy: DeploysBy;
  /** A one-time secret for the agent that is about to boot on this machine. */
  readonly issueSecret: (mac: Mac, smbiosUuid: string | null) => Promise<string>;
  readonly files: BootFiles;
  readonly scripts: Scripts;
  readonly attempts: Attempts;
  readonly installs: Omit<Installs, 'file'>;
  readonly reasons: Reasons;
  /** A machine was seen to boot in a circle; at most once a minute for each. */
  readonly onLoop: (loop: BootLoop) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly site: Site;
}

export interface BootLoop {
  readonly mac: Mac;
  readonly nodeUuid: string | null;
  readonly message: string;
}

export interface Site {
  /** The URL of boot artefacts and of the API, as a machine reaches them at this address of ours. */
  readonly bootUrl: (serverAddress: string) => string;
  readonly apiUrl: (serverAddress: string) => string;
  /** SHA-256 of our certificate, hex. */
  readonly fingerprint: string;
  readonly console: readonly string[];
}

export interface BootQuestion extends ClientFacts {
  readonly smbiosUuid: string | null;
  readonly serverAddress: string;
  /** DHCP's xid, and whether the client has chosen already: they tell one boot attempt from the next. */
  readonly transaction?: number;
  readonly isRequest?: boolean;
  /** We alone give addresses there, and TFTP answers: a machine may be told that there is nothing to boot. */
  readonly mayTurnAway?: boolean;
}

export type TurnAway = { readonly nothing: string } | { readonly silent: string };

export interface Boot {
  /** For DHCP: which file, if any. */
  offer(client: BootQuestion): Promise<{ readonly fileName: string; readonly reason: string } | { readonly silent: string }>;
  /** For DHCP that gives no addresses: whether there is nothing for it, and it may be told so. Counts as no attempt to boot. */
  turnAway(client: Omit<BootQuestion, 'serverAddress' | 'mayTurnAway'>): Promise<TurnAway>;
  readonly startScript: (serverAddress: string) => string;
  /** What the machine shall run, with all that a script of any boot loader needs. `query` is what its first script sent. */
  readonly machineBoot: (query: URLSearchParams, serverAddress: string) => Promise<MachineBoot>;
  /** The same as an iPXE script. */
  readonly machineScript: (query: URLSearchParams, serverAddress: string) => Promise<string>;
}

/** The decision of one boot, before any boot loader's language. */
export type MachineBoot =
  | { readonly run: 'agent'; readonly agent: AgentBoot; readonly disk: DiskWay }
  | { readonly run: 'installer'; readonly installer: InstallBoot }
  | { readonly run: 'own-disk'; readonly message: Message; readonly disk: DiskWay }
  | { readonly run: 'hold'; readonly message: Message };

/** What firmware sees named when there is nothing for it: no such file is served. */
const NO_BOOT_FILE = 'nothing-to-boot-here';
/** Firmware may have four network entries per port, each of which ends at the disk: more than that within a minute is a loop. */
const OWN_DISK_LOOP_AT = 6;

const CAME_BACK_FROM: Readonly<Record<Exclude<Program['run'], 'hold'>, string>> = {
  'own-disk': 'its own disk, which did not start',
  ask: 'its own disk, which did not start',
  agent: 'the agent, which did not stay',
  installer: 'its installer, which did not stay',
};

interface FirstOffer {
  readonly look: Look;
  readonly wish: Omit<LoaderWish, 'standing'>;
  readonly first: Offer;
}

export function createBoot(options: BootOptions): Boot {
  const { files, scripts, site, reasons, attempts, config } = options;
  const noAgent = (processor: MachineArchitecture | null): string | null => {
    if (processor !== null && processor !== 'x86') return `there is no agent for ${processor} machines`;
    return files.has(AGENT_KERNEL) && files.has(AGENT_INITRD) ? null : 'the agent is not among our boot files: rackseed image build';
  };
  const times = createBootTimes(options.clock);
  const situations = createSituations({ ...options, noAgent });

  function fileOf(offer: Exclude<Offer, { silent: string }>, bootUrl: string): string {
    if (offer.offer === 'script') return `${bootUrl}/boot/start.ipxe`;
    const name = offer.offer === 'nothing' ? NO_BOOT_FILE : offer.name;
    return offer.overHttp ? `${bootUrl}/boot/files/${name}` : name;
  }

  function note(mac: Mac, decision: string, reason: string): void {
    reasons.note({ subject: `mac:${mac}`, area: 'boot', decision, reason });
  }

  function loop(mac: Mac, look: Look, message: string): void {
    if (!attempts.looped(mac)) return;
    note(mac, 'loop', message);
    options.log.warn({ mac }, `boot loop: ${message}`);
    const { machine } = look.situation;
    const who = machine === undefined ? mac : titleOf(machine);
    options.onLoop({ mac, nodeUuid: machine?.uuid ?? null, message: `${who} boots in a circle: ${message}` });
  }

  function diskOf(look: Look, names: HardwareNames, platform: string | null): DiskWay {
    return { ownDisk: chooseOwnDisk({ own: look.situation.machine?.ownDisk ?? null, names, config: config.boot }), platform };
  }

  /** What it would be offered at its first attempt, and what that was decided from. */
  async function firstOffer(client: Omit<BootQuestion, 'serverAddress'>): Promise<FirstOffer> {
    const look = await situations.look({ ...client, processor: processorOf(client.architecture) }, null);
    const { ownDisk } = diskOf(look, look.names, null);
    const wish = { loaders: files, uefiLoader: config.boot.uefi_loader, ownDisk, mayTurnAway: client.mayTurnAway === true };
    return { look, wish, first: decideOffer(client, look.situation, { ...wish, standing: FIRST_ATTEMPT }) };
  }

  async function offerOf(client: BootQuestion): Promise<Offer> {
    if (client.kind === 'ipxe') attempts.spoke(client.mac, 'ipxe');
    const { look, wish, first } = await firstOffer(client);
    if ('silent' in first || first.offer !== 'loader') return first;
    const { mac, transaction = null, isRequest = false } = client;
    const offer = decideOffer(client, look.situation, { ...wish, standing: attempts.asked({ mac, transaction, isRequest }) });
    if (offer.loop !== undefined) loop(mac, look, offer.loop);
    return offer;
  }

  /** A program that keeps coming back is stopped for a minute with the reason on the screen, and then tried again. */
  function brokenLoop({ mac }: MachineAsk, look: Look, program: Program): Program {
    const times = attempts.scripted(mac);
    if (program.run === 'hold' || times < (program.run === 'own-disk' ? OWN_DISK_LOOP_AT : LOOP_AT)) return program;
    const message = `it asked ${times} times within a minute, each time for ${CAME_BACK_FROM[program.run]}`;
    loop(mac, look, message);
    return { run: 'hold', reason: `${message}. It rests for a minute, so that this can be read. Before: ${program.reason}` };
  }

  async function machineBoot(query: URLSearchParams, serverAddress: string): Promise<MachineBoot> {
    const ask = readMachineAsk(query);
    const { mac, names } = ask;
    attempts.spoke(mac, ask.loader);
    if (names !== null) attempts.remember(mac, names);
    const look = await situations.look(ask, names);
    const { program, installer } = await settled(ask, look, brokenLoop(ask, look, decideProgram(look.situation)));
    const spent = program.run === 'own-disk' ? timeSpent(times.heard(mac)) : '';
    note(mac, `script: ${program.run}`, `${program.reason}${spent}`);
    options.log.info({ mac, run: program.run, reason: program.reason }, 'boot script');
    const message: Message = {
      appliance: serverAddress,
      bootUrl: site.bootUrl(serverAddress),
      reason: program.reason,
      mac,
      name: look.situation.machine?.name ?? null,
    };
    const disk = diskOf(look, names ?? look.names, ask.platform);
    if (installer !== undefined) return { run: 'installer', installer: { ...message, ...installer } };
    if (program.run === 'agent') return { run: 'agent', agent: await agentBoot(ask, look, message), disk };
    // Nothing that could be booted for the others is there: the installer comes with its image, and iPXE has said all it could.
    return program.run === 'own-disk' || program.run === 'ask' ? { run: 'own-disk', message, disk } : { run: 'hold', message };
  }

  /** What the record of its installation has to know of this boot is in it before the machine gets its script. */
  async function settled(ask: MachineAsk, look: Look, program: Program): Promise<{ program: Program; installer?: InstallerBoot }> {
    const uuid = look.situation.machine?.uuid;
    if (uuid === undefined) return { program };
    if (program.isBack === true) await options.installs.cameBack(uuid, program.reason);
    const isOwn = program.run === 'own-disk' && program.hands !== 'off' && look.situation.machine?.provisionState === 'active';
    if (isOwn) options.installs.started(uuid);
    if (program.run !== 'installer') return { program };
    if (ask.loader === 'grub') return { program: { run: 'hold', reason: NO_INSTALLER_BY_GRUB } };
    const installer = await options.installs.begin(uuid);
    if (installer !== undefined) return { program, installer };
    return { program: { run: 'hold', reason: 'its installation has just ended, and its installer is booted no more' } };
  }

  async function agentBoot({ mac, smbiosUuid }: MachineAsk, look: Look, message: Message): Promise<AgentBoot> {
    const mayEnd = mayStartDisk(look.situation);
    return {
      ...message,
      kernel: AGENT_KERNEL,
      initrd: AGENT_INITRD,
      apiUrl: site.apiUrl(message.appliance),
      fingerprint: site.fingerprint,
      secret: await options.issueSecret(mac, smbiosUuid),
      console: site.console,
      promise: mayEnd ? 'No disk is written.' : 'The disks of its wipe plan are erased.',
      otherwise: mayEnd ? 'own-disk' : 'hold',
    };
  }

  return {
    async offer(client) {
      const spent = timeSpent(times.heard(client.mac));
      const offer = await offerOf(client);
      if ('silent' in offer) return { silent: `${offer.silent}${spent}` };
      const reason = offer.offer === 'nothing' ? `${offer.reason}${spent}` : offer.reason;
      return { fileName: fileOf(offer, site.bootUrl(client.serverAddress)), reason };
    },
    async turnAway(client) {
      const spent = timeSpent(times.heard(client.mac));
      const { first } = await firstOffer({ ...client, mayTurnAway: true });
      if ('silent' in first) return { silent: first.silent };
      return first.offer === 'nothing' ? { nothing: `${first.reason}${spent}` } : { silent: `it may boot here: ${first.reason}` };
    },
    startScript: (serverAddress) =>
      renderStart(scripts, {
        appliance: serverAddress,
        bootUrl: site.bootUrl(serverAddress),
        ownDisk: chooseOwnDisk({ own: null, names: NO_NAMES, config: config.boot }),
      }),
    machineBoot,
    machineScript: async (query, serverAddress) => renderMachine(scripts, await machineBoot(query, serverAddress)),
  };
}
