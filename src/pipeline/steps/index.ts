// Every step that pipelines may name: one line each. A file beside this one that is not listed here fails the tests.

import type { PipelineStep } from '../seam.ts';
import { step as aptRepositories } from './apt-repositories.ts';
import { step as aptUpgrade } from './apt-upgrade.ts';
import { step as backupJob } from './backup-job.ts';
import { step as bootOrder } from './boot-order.ts';
import { step as clusterCreate } from './cluster-create.ts';
import { step as clusterJoin } from './cluster-join.ts';
import { step as customScript } from './custom-script.ts';
import { step as dns } from './dns.ts';
import { step as haGroup } from './ha-group.ts';
import { step as haRule } from './ha-rule.ts';
import { step as hostname } from './hostname.ts';
import { step as hostsFile } from './hosts-file.ts';
import { step as metricServer } from './metric-server.ts';
import { step as network } from './network.ts';
import { step as notificationMatcher } from './notification-matcher.ts';
import { step as notificationTarget } from './notification-target.ts';
import { step as ntp } from './ntp.ts';
import { step as packages } from './packages.ts';
import { step as pveAcl } from './pve-acl.ts';
import { step as pveRole } from './pve-role.ts';
import { step as pveUser } from './pve-user.ts';
import { step as qdevice } from './qdevice.ts';
import { step as rebootIfNeeded } from './reboot-if-needed.ts';
import { step as registerWebhook } from './register-webhook.ts';
import { step as sshKeys } from './ssh-keys.ts';
import { step as storage } from './storage.ts';
import { step as subscription } from './subscription.ts';
import { step as timezone } from './timezone.ts';
import { step as zfsAttach } from './zfs-attach.ts';
import { step as zfsImport } from './zfs-import.ts';
import { step as zfsPool } from './zfs-pool.ts';
import { step as zfsRpool } from './zfs-rpool.ts';
import { step as zfsScrub } from './zfs-scrub.ts';

export const STEPS: readonly PipelineStep[] = [
  aptRepositories,
  aptUpgrade,
  backupJob,
  bootOrder,
  clusterCreate,
  clusterJoin,
  customScript,
  dns,
  haGroup,
  haRule,
  hostname,
  hostsFile,
  metricServer,
  network,
  notificationMatcher,
  notificationTarget,
  ntp,
  packages,
  pveAcl,
  pveRole,
  pveUser,
  qdevice,
  rebootIfNeeded,
  registerWebhook,
  sshKeys,
  storage,
  subscription,
  timezone,
  zfsAttach,
  zfsImport,
  zfsPool,
  zfsRpool,
  zfsScrub,
];
