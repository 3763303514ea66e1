// Every step that pipelines may name: one line each. A file beside this one that is not listed here fails the tests.

import type { PipelineStep } from '../seam.ts';
import { step as aptRepositories } from './apt-repositories.ts';
import { step as aptUpgrade } from './apt-upgrade.ts';
import { step as bootOrder } from './boot-order.ts';
import { step as clusterCreate } from './cluster-create.ts';
import { step as clusterJoin } from './cluster-join.ts';
import { step as dns } from './dns.ts';
import { step as hostname } from './hostname.ts';
import { step as hostsFile } from './hosts-file.ts';
import { step as network } from './network.ts';
import { step as ntp } from './ntp.ts';
import { step as packages } from './packages.ts';
import { step as rebootIfNeeded } from './reboot-if-needed.ts';
import { step as timezone } from './timezone.ts';
import { step as zfsAttach } from './zfs-attach.ts';
import { step as zfsImport } from './zfs-import.ts';
import { step as zfsPool } from './zfs-pool.ts';
import { step as zfsRpool } from './zfs-rpool.ts';
import { step as zfsScrub } from './zfs-scrub.ts';

export const STEPS: readonly PipelineStep[] = [
  aptRepositories,
  aptUpgrade,
  bootOrder,
  clusterCreate,
  clusterJoin,
  dns,
  hostname,
  hostsFile,
  network,
  ntp,
  packages,
  rebootIfNeeded,
  timezone,
  zfsAttach,
  zfsImport,
  zfsPool,
  zfsRpool,
  zfsScrub,
];
