// The boot service: joins the pure decisions with what the store knows, and notes every reason. DHCP, TFTP and the boot listener ask it.

import { type Log, type Mac, parseMac } from '../lib/index.ts';
import type { Reasons } from '../store/index.ts';
import { type ClientFacts, decideOffer, decideProgram, type KnownMachine, type Offer } from './decide.ts';
import type { Enrolment } from './enrolment.ts';
import { fail } from './errors.ts';
import { AGENT_INITRD, AGENT_KERNEL, type BootFiles } from './files.ts';
import { type AgentBoot, type Message, renderMachine, renderStart, type Scripts } from './script.ts';

export interface BootOptions {
  readonly enrolment: Enrolment;
  readonly isObserveOnly: boolean;
  readonly findMachine: (mac: Mac, smbiosUuid: string | null) => Promise<KnownMachine | undefined>;
  /** A one-time secret for the agent that is about to boot on this machine. */
  readonly issueSecret: (mac: Mac, smbiosUuid: string | null) => Promise<string>;
  readonly files: BootFiles;
  readonly scripts: Scripts;
  readonly reasons: Reasons;
  readonly log: Log;
  readonly site: Site;
}

export interface Site {
  /** The URL of boot artefacts and of the API, as a machine reaches them at this address of ours. */
  readonly bootUrl: (serverAddress: string) => string;
  readonly apiUrl: (serverAddress: string) => string;
  /** SHA-256 of our certificate, hex. */
  readonly fingerprint: string;
  readonly console: readonly string[];
}

export interface Boot {
  /** For DHCP: which file, if any. */
  offer(
    client: ClientFacts & { readonly smbiosUuid: string | null; readonly serverAddress: string },
  ): Promise<{ readonly fileName: string; readonly reason: string } | { readonly silent: string }>;
  readonly startScript: (serverAddress: string) => string;
  /** What the machine shall run, with all that a script of any boot loader needs. `query` is what its first script sent. */
  readonly machineBoot: (query: URLSearchParams, serverAddress: string) => Promise<MachineBoot>;
  /** The same as an iPXE script. */
  readonly machineScript: (query: URLSearchParams, serverAddress: string) => Promise<string>;
}

/** The decision of one boot, before any boot loader's language. */
export type MachineBoot =
  | { readonly run: 'agent'; readonly agent: AgentBoot }
  | { readonly run: 'own-disk'; readonly message: Message }
  | { readonly run: 'hold'; readonly message: Message };

export function createBoot(options: BootOptions): Boot {
  const { enrolment, files, scripts, site, reasons } = options;
  const loaders = new Set(files.keys());
  const hasAgent = files.has(AGENT_KERNEL) && files.has(AGENT_INITRD);

  async function situation(mac: Mac, smbiosUuid: string | null): Promise<Parameters<typeof decideProgram>[0]> {
    const [machine, state] = await Promise.all([options.findMachine(mac, smbiosUuid), enrolment.get()]);
    return { machine, enrolmentOpen: state.mode === 'open', observeOnly: options.isObserveOnly };
  }

  function fileOf(offer: Exclude<Offer, { silent: string }>, bootUrl: string): string {
    if (offer.offer === 'script') return `${bootUrl}/boot/start.ipxe`;
    return offer.overHttp ? `${bootUrl}/boot/files/${offer.name}` : offer.name;
  }

  function note(mac: Mac, decision: string, reason: string): void {
    reasons.note({ subject: `mac:${mac}`, area: 'boot', decision, reason });
  }

  async function machineBoot(query: URLSearchParams, serverAddress: string): Promise<MachineBoot> {
    const { mac, smbiosUuid } = readQuery(query);
    const program = decideProgram(await situation(mac, smbiosUuid));
    note(mac, `script: ${program.run}`, program.reason);
    options.log.info({ mac, run: program.run, reason: program.reason }, 'boot script');
    const message = { appliance: serverAddress, bootUrl: site.bootUrl(serverAddress), reason: program.reason, mac };
    if (program.run !== 'agent') return { run: program.run, message };
    const agent: AgentBoot = {
      ...message,
      kernel: AGENT_KERNEL,
      initrd: AGENT_INITRD,
      apiUrl: site.apiUrl(serverAddress),
      fingerprint: site.fingerprint,
      secret: await options.issueSecret(mac, smbiosUuid),
      console: site.console,
    };
    return { run: 'agent', agent };
  }

  return {
    async offer(client) {
      const now = await situation(client.mac, client.smbiosUuid);
      if (!hasAgent && decideProgram(now).run === 'agent') return { silent: 'the agent is not among our boot files: rackseed image build' };
      const offer = decideOffer(client, now, loaders);
      return 'silent' in offer ? offer : { fileName: fileOf(offer, site.bootUrl(client.serverAddress)), reason: offer.reason };
    },

    startScript: (serverAddress) => renderStart(scripts, { appliance: serverAddress, bootUrl: site.bootUrl(serverAddress) }),

    machineBoot,
    machineScript: async (query, serverAddress) => renderMachine(scripts, await machineBoot(query, serverAddress)),
  };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** iPXE sends an empty uuid where the firmware has none. */
function readQuery(query: URLSearchParams): { mac: Mac; smbiosUuid: string | null } {
  const mac = parseMac(query.get('mac') ?? '');
  if (mac === undefined) {
    throw fail('boot.bad_request', {
      message: `/boot/machine.ipxe: mac=${JSON.stringify((query.get('mac') ?? '').slice(0, 40))} is no MAC address`,
      hint: 'Boot through /boot/start.ipxe, which fills it in.',
    });
  }
  const uuid = (query.get('uuid') ?? '').toLowerCase();
  return { mac, smbiosUuid: UUID.test(uuid) ? uuid : null };
}
