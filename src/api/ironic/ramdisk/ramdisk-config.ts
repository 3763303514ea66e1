// What OpenStack's agent is told about how to behave: the `config` of its look-up. Every key that its releases read, with Ironic's default
// where we have no better one.

import type { Node } from '../../../nodes/index.ts';

/** The agent beats at 0.3 to 0.6 of it. */
export const HEARTBEAT_TIMEOUT_SECONDS = 300;

const NOTHING_RUNS = {
  allow_arbitrary_containers: false,
  allowed_containers: [],
  container_steps_file: '/etc/ironic-python-agent.d/mysteps.yaml',
  runner: 'podman',
  pull_options: '',
  run_options: '',
  container_conf_file: '/etc/containers/containers.conf',
} as const;

export function ramdiskConfig(node: Pick<Node, 'driver' | 'interfaces'>, token: string | null): Record<string, unknown> {
  return {
    metrics: { backend: 'noop', prepend_host: false, prepend_uuid: false, prepend_host_reverse: true, global_prefix: null },
    metrics_statsd: { statsd_host: 'localhost', statsd_port: 8125 },
    heartbeat_timeout: HEARTBEAT_TIMEOUT_SECONDS,
    agent_containers: NOTHING_RUNS,
    agent_token: token,
    agent_token_required: true,
    agent_md5_checksum_enable: false,
    disable_deep_image_inspection: false,
    permitted_image_formats: ['raw', 'gpt', 'qcow2', 'iso'],
    // Where the BMC is known its address need not be asked for, which takes the agent up to minutes.
    agent_skip_bmc_detect: (node.interfaces.management ?? node.driver) === 'redfish',
    enable_bios_bootloader_install: true,
    tls_min_version: null,
    tls_cipher_suites: null,
  };
}
