// The appliance's config inside the lab: full DHCP on the private bridge. Its pieces serve labs that want another mode.

import type { LabNetwork } from './network.ts';

export interface LabConfig {
  readonly network: LabNetwork;
  readonly dataDir: string;
  readonly artefactsDir: string;
  readonly apiPort: number;
}

export function renderLabConfig(lab: LabConfig): string {
  return [labServer(lab), labDhcp(lab), labTftp(lab)].join('\n');
}

export function labServer({ network, dataDir, artefactsDir, apiPort }: LabConfig): string {
  return `# Written by the lab, for its private network only.
[server]
name = "lab"
listen = "${network.address}:${apiPort}"
boot_listen = "${network.address}:6386"
data_dir = ${JSON.stringify(dataDir)}
artefacts_dir = ${JSON.stringify(artefactsDir)}
`;
}

export function labDhcp({ network }: Pick<LabConfig, 'network'>): string {
  const net = network.address.split('.').slice(0, 3).join('.');
  return `[dhcp]
mode = "full"
interfaces = ["${network.bridge}"]

[[dhcp.subnet]]
subnet = "${net}.0/${network.prefix}"
ranges = ["${net}.100-${net}.200"]
lease_seconds = 600
`;
}

export function labTftp({ network }: Pick<LabConfig, 'network'>): string {
  return `[tftp]
listen = "${network.address}:69"
`;
}
