// The appliance's config inside the lab: full DHCP on the private bridge.

import type { LabNetwork } from './network.ts';

export interface LabConfig {
  readonly network: LabNetwork;
  readonly dataDir: string;
  readonly artefactsDir: string;
  readonly apiPort: number;
}

export function renderLabConfig({ network, dataDir, artefactsDir, apiPort }: LabConfig): string {
  const net = network.address.split('.').slice(0, 3).join('.');
  return `# Written by the lab, for its private network only.
[server]
name = "lab"
listen = "${network.address}:${apiPort}"
boot_listen = "${network.address}:6386"
data_dir = ${JSON.stringify(dataDir)}
artefacts_dir = ${JSON.stringify(artefactsDir)}

[dhcp]
mode = "full"
interfaces = ["${network.bridge}"]

[[dhcp.subnet]]
subnet = "${net}.0/${network.prefix}"
ranges = ["${net}.100-${net}.200"]
lease_seconds = 600

[tftp]
listen = "${network.address}:69"
`;
}
