// What the agent and the deployed system ask of the appliance during one deployment: the image, the config drive, and where to tell of the
// first boot. Each only of a node that is being deployed.

import { createHash, X509Certificate } from 'node:crypto';
import type { Clock, Random } from '../lib/index.ts';
import type { Node, Nodes } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { createDrives } from './drives.ts';
import { fail } from './errors.ts';
import { createFirstBoots, type Report } from './first-boot.ts';
import type { Fetch } from './guarded-fetch.ts';
import type { ImageFile, ImageFiles } from './images.ts';
import { renderReport } from './report-render.ts';

export interface DeploymentOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: Fetch;
  readonly images: ImageFiles;
  /** PEM; null: plain HTTP. */
  readonly certificate: string | null;
  /** The life cycle goes on. */
  readonly onReport: (uuid: string) => Promise<void>;
}

export interface Deployments {
  /** `url`: the appliance, as the machine reaches it. */
  configDrive(uuid: string, url: string, signal: AbortSignal): Promise<Buffer>;
  image(uuid: string): Promise<ImageFile>;
  readonly readImage: ImageFiles['read'];
  readonly mapOfImage: ImageFiles['map'];
  readonly readImageData: ImageFiles['readData'];
  reported(token: string, report: Report, from: string): Promise<void>;
}

const STATES: readonly string[] = ['deploying', 'wait call-back', 'deploy hold'];

export function createDeployments(options: DeploymentOptions): Deployments {
  const { nodes, images } = options;
  const firstBoots = createFirstBoots(options);
  const pins = options.certificate === null ? null : pinsOf(options.certificate);
  const drives = createDrives({
    ...options,
    reportFor: async ({ uuid }, url) => renderReport({ url, token: await firstBoots.issue(uuid), pins }),
  });
  const deployed = async (uuid: string): Promise<Node> => {
    const node = await nodes.get(uuid);
    if (STATES.includes(node.provisionState)) return node;
    throw fail('install.no_drive', {
      message: `the node is ${node.provisionState}: nothing is given for a deployment that is not under way`,
    });
  };
  return {
    configDrive: async (uuid, url, signal) => drives.build(await deployed(uuid), url, signal),
    image: async (uuid) => {
      const { image_source: source } = (await deployed(uuid)).instanceInfo;
      if (typeof source === 'string' && source.startsWith('file://')) return images.find(source.slice('file://'.length));
      throw fail('install.no_image', { message: 'the image of this deployment is no file of the appliance' });
    },
    readImage: images.read,
    mapOfImage: images.map,
    readImageData: images.readData,
    reported: async (token, report, from) => {
      const { uuid } = await firstBoots.report(token, report, from);
      await options.onReport(uuid);
    },
  };
}

/** Of the certificate for programs that see all of it, of its public key for curl. */
function pinsOf(certificate: string): { readonly certificate: string; readonly publicKey: string } {
  const parsed = new X509Certificate(certificate);
  return {
    certificate: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    publicKey: createHash('sha256')
      .update(parsed.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64'),
  };
}
