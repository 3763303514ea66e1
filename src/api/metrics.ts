// What /metrics shows of the API and of the things the API can see. Other parts register theirs on the same registry.

import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import { type Log, messageOf } from '../lib/index.ts';
import type { ApiServices, Counters } from './services.ts';

export interface ApiMetrics {
  readonly registry: Registry;
  observeRequest(request: { readonly method: string; readonly route: string; readonly status: number; readonly seconds: number }): void;
  readonly bugs: Counter;
  readonly refusals: Counter;
  readonly streams: Gauge;
}

export interface ApiMetricsOptions {
  readonly registry: Registry;
  readonly services: ApiServices;
  readonly version: string;
  readonly log: Log;
  /** Memory, CPU, event loop and garbage collection of the process: once per process. */
  readonly process: boolean;
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export function createApiMetrics(options: ApiMetricsOptions): ApiMetrics {
  const registers = [options.registry];
  if (options.process) collectDefaultMetrics({ register: options.registry, prefix: 'rackseed_' });
  new Gauge({ name: 'rackseed_build_info', help: 'Always 1; the labels say what runs.', labelNames: ['version', 'node'], registers }).set(
    { version: options.version, node: process.versions.node },
    1,
  );
  gaugesOfState(options);
  const requests = new Histogram({
    name: 'rackseed_http_request_duration_seconds',
    help: 'HTTP requests by route pattern.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  // Routes are few: their labels are looked up once.
  const children = new Map<string, ReturnType<typeof requests.labels>>();
  return {
    registry: options.registry,
    observeRequest: ({ method, route, status, seconds }) => {
      const key = `${method} ${status} ${route}`;
      const child = children.get(key) ?? requests.labels({ method, route, status: String(status) });
      children.set(key, child);
      child.observe(seconds);
    },
    bugs: new Counter({ name: 'rackseed_http_bugs_total', help: 'Requests that ended in an internal error.', registers }),
    refusals: new Counter({ name: 'rackseed_http_auth_refusals_total', help: 'Requests without a valid token.', registers }),
    streams: new Gauge({ name: 'rackseed_sse_clients', help: 'Open event streams.', registers }),
  };
}

/** Read at each scrape. One that fails is left out and counted; the others are shown all the same. */
function gaugesOfState({ registry, services, log }: ApiMetricsOptions): void {
  const registers = [registry];
  const failures = new Counter({
    name: 'rackseed_metrics_failures_total',
    help: 'Metrics that could not be read at a scrape.',
    labelNames: ['metric'],
    registers,
  });
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => Promise<void>): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        try {
          this.reset();
          await read(this);
        } catch (thrown) {
          failures.inc({ metric: name });
          log.warn({ metric: name, error: messageOf(thrown) }, 'metric could not be read');
        }
      },
    });
  };
  gauge('rackseed_nodes', 'Nodes by provision state.', ['state'], async (it) => {
    for (const [state, count] of Object.entries(await services.nodes.countByState())) it.set({ state }, count);
  });
  gauge('rackseed_tasks', 'Unfinished tasks by state.', ['state'], async (it) => {
    for (const [state, count] of Object.entries(await services.tasks.countUnfinished())) it.set({ state }, count);
  });
  countersOf(registry, services);
  gauge('rackseed_event_seq', 'Sequence number of the last event.', [], async (it) => it.set(await services.events.lastSeq()));
}

/** Counted where the packets are; only shown here. */
function countersOf(registry: Registry, { network, power }: ApiServices): void {
  const counter = (name: string, help: string, read: () => Counters): void => {
    new Counter({
      name,
      help,
      labelNames: ['result'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [result, count] of Object.entries(read())) this.inc({ result }, count);
      },
    });
  };
  counter('rackseed_dhcp_packets_total', 'DHCP packets by what became of them.', () => network.status().dhcp.counters);
  counter('rackseed_dhcp6_packets_total', 'DHCPv6 packets by what became of them.', () => network.status().dhcp6.counters);
  counter('rackseed_tftp_total', 'TFTP requests, transfers and bytes.', () => network.status().tftp?.counters ?? {});
  counter(
    'rackseed_power_total',
    'Calls to BMCs and other power devices, and what reading the power states found.',
    () => power?.counters() ?? {},
  );
  counter('rackseed_http_boot_total', 'Requests, downloads and bytes of the boot listener.', () => network.status().http.counters);
}
