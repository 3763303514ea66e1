// Wiring of what deployments are made of: image files, config drives, reports of first boots. Has no rules of its own.

import type { Config } from './config/index.ts';
import {
  createDeployments,
  createGuardedFetch,
  createImageFiles,
  createInstallers,
  type Deployments,
  type Fetch,
  type ImageFiles,
  type InstallerParts,
  imageDirectory,
  installerDirectory,
} from './install/index.ts';
import { type Clock, type Random, runProgram } from './lib/index.ts';
import type { Lifecycle } from './lifecycle/index.ts';
import type { Nodes } from './nodes/index.ts';
import type { Store } from './store/index.ts';

export function imageFiles({ profile, server }: Config): ImageFiles {
  const named = profile.flatMap(({ os, image }) => (os === 'image' && image?.startsWith('/') === true ? [image] : []));
  return createImageFiles({ directory: imageDirectory(server.data_dir), named });
}

export interface InstallerOptions {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly holder: string;
}

export function installersOf({ config, ...parts }: InstallerOptions): InstallerParts {
  const directory = installerDirectory(config.server.data_dir);
  return createInstallers({ ...parts, directory, run: runProgram, fetch: fetchOf(config) });
}

/** For URLs that people give. */
function fetchOf({ install }: Pick<Config, 'install'>): Fetch {
  return createGuardedFetch({ allowed: install.fetch_hosts });
}

export interface DeploymentParts {
  readonly config: Config;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly images: ImageFiles;
  readonly certificate: string | null;
  readonly lifecycle: Pick<Lifecycle, 'agentHeard'>;
}

export function deploymentsOf({ lifecycle, config, ...parts }: DeploymentParts): Deployments {
  return createDeployments({ ...parts, fetch: fetchOf(config), onReport: (uuid) => lifecycle.agentHeard(uuid, { status: 'end' }) });
}
