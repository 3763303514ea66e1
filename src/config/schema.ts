// The whole of rackseed.toml. The one source for checks, defaults, the published JSON Schema, the commented example and the
// reference page: what is not here does not exist.

import { type Static, Type } from 'typebox';
import { closed } from './fields.ts';
import { BootSection } from './sections/boot.ts';
import { InstallSection } from './sections/install.ts';
import { Cluster, EnrolSection, Profile, Rule } from './sections/machines.ts';
import { DhcpSection, TftpSection } from './sections/network.ts';
import { Dhcp6Section } from './sections/network6.ts';
import { PipelineSection } from './sections/pipeline.ts';
import { AuthSection, ServerSection, StoreSection } from './sections/server.ts';
import { LifecycleSection, PowerSection, TasksSection, WebhooksSection } from './sections/work.ts';

/** As it is in memory: every default filled. json-schema.ts makes from it what a file may leave out. */
export const ConfigSchema = Type.Object(
  {
    server: ServerSection,
    store: StoreSection,
    auth: AuthSection,
    dhcp: DhcpSection,
    dhcp6: Dhcp6Section,
    tftp: TftpSection,
    boot: BootSection,
    enrol: EnrolSection,
    install: InstallSection,
    pipeline: PipelineSection,
    tasks: TasksSection,
    lifecycle: LifecycleSection,
    power: PowerSection,
    webhooks: WebhooksSection,
    cluster: Type.Array(Cluster, { description: 'Proxmox clusters.', maxItems: 64, default: [] }),
    profile: Type.Array(Profile, { description: 'What machines shall become.', maxItems: 256, default: [] }),
    rule: Type.Array(Rule, {
      description: 'Which unknown machine gets which profile. The first that fits counts.',
      maxItems: 1000,
      default: [],
    }),
  },
  { ...closed, title: 'rackseed.toml', description: 'The configuration of a Rackseed appliance.' },
);

export type Config = Static<typeof ConfigSchema>;
