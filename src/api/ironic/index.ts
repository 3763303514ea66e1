// The Ironic-compatible API: version documents, negotiation, errors in Ironic's shape, then one plugin per resource.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RouteDeps } from '../build.ts';
import { noted, sendFault } from '../error-replies.ts';
import { atOnce } from '../hooks.ts';
import { isReading } from '../methods.ts';
import { allocationsPlugin, nodeAllocationPlugin } from './allocations.ts';
import { chassisPlugin } from './chassis.ts';
import { conductorsPlugin } from './conductors.ts';
import { driversPlugin } from './drivers.ts';
import { ironicErrorBody } from './errors.ts';
import { eventsPlugin } from './events.ts';
import type { View } from './fields.ts';
import { nodeBiosPlugin } from './nodes/bios.ts';
import { nodeMaintenancePlugin } from './nodes/maintenance.ts';
import { nodeManagementPlugin } from './nodes/management.ts';
import { nodesPlugin } from './nodes/nodes.ts';
import { nodeRecordsPlugin, shardsPlugin } from './nodes/records.ts';
import { nodeStatesPlugin } from './nodes/states.ts';
import { nodeTraitsPlugin } from './nodes/traits.ts';
import { nodeValidatePlugin } from './nodes/validate.ts';
import { nodeVendorPlugin } from './nodes/vendor.ts';
import { vifsPlugin } from './nodes/vifs.ts';
import { nodeVmediaPlugin } from './nodes/vmedia.ts';
import { patient } from './patience.ts';
import { nodePortgroupsPlugin, portgroupsPlugin } from './ports/portgroups.ts';
import { portListsPlugin, portsPlugin } from './ports/ports.ts';
import { inspectionRulesPlugin } from './ramdisk/inspection-rules.ts';
import { ramdiskPlugin } from './ramdisk/ramdisk.ts';
import { rootBody, versionBody } from './root.ts';
import { runbooksPlugin } from './runbooks.ts';
import { templatesPlugin } from './templates.ts';
import { unrouted } from './unrouted.ts';
import { negotiateVersion, versionHeaders } from './version.ts';
import { nodeVolumePlugin, volumePlugin } from './volume.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The N of the bare-metal API version 1.N, below /v1. */
    ironicMinor: number;
  }
}

/** As much as Ironic takes unless a route says otherwise. */
const BODY_BYTES = 1024 * 1024;

export type IronicDeps = RouteDeps & { readonly viewOf: (request: FastifyRequest) => View };

export function ironicPlugin(deps: RouteDeps): FastifyPluginAsyncTypebox {
  const viewOf = (request: FastifyRequest): View => ({
    minor: request.ironicMinor,
    baseUrl: deps.publicUrl?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`,
  });
  return async (app) => {
    app.decorateRequest('ironicMinor', 1);
    app.setErrorHandler((error, request, reply) => {
      const fault = noted(error, request, deps.metrics);
      sendFault(reply, fault);
      return reply.type('application/json').send(ironicErrorBody(fault));
    });
    app.addHook('onRequest', atOnce(addRequestIds));
    app.get('/', { config: { access: 'public' } }, async (request) => rootBody(viewOf(request)));
    app.register(v1({ ...deps, viewOf }), { prefix: '/v1' });
  };
}

function v1(deps: IronicDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.addHook('onRoute', (route) => {
      route.bodyLimit ??= BODY_BYTES;
      if ([route.method].flat().some((method) => !isReading(method)))
        route.handler = patient(route.handler, deps.limits.lockWaitMs, deps.clock);
    });
    const negotiate = atOnce((request, reply) => {
      try {
        request.ironicMinor = negotiateVersion(request.headers);
      } finally {
        reply.headers(versionHeaders(request.ironicMinor)); // also on the refusal of a version
      }
    });
    app.addHook('onRequest', negotiate);
    app.setNotFoundHandler((request) => {
      throw unrouted(request.method, request.url);
    });
    app.get('/', { config: { access: 'public' } }, async (request) => versionBody(deps.viewOf(request)));
    for (const below of [nodesPlugin(deps), nodeTraitsPlugin(deps), nodeMaintenancePlugin(deps), nodeRecordsPlugin(deps)])
      app.register(below, { prefix: '/nodes' });
    app.register(shardsPlugin(deps), { prefix: '/shards' });
    app.register(nodeStatesPlugin(deps), { prefix: '/nodes' });
    app.register(nodeValidatePlugin(deps), { prefix: '/nodes' });
    app.register(portsPlugin(deps), { prefix: '/ports' });
    for (const below of [portListsPlugin(deps, 'nodes'), nodePortgroupsPlugin(deps), nodeVolumePlugin(deps), vifsPlugin(deps)])
      app.register(below, { prefix: '/nodes' });
    for (const below of [nodeAllocationPlugin, nodeManagementPlugin, nodeBiosPlugin, nodeVmediaPlugin, nodeVendorPlugin])
      app.register(below(deps), { prefix: '/nodes' });
    app.register(portgroupsPlugin(deps), { prefix: '/portgroups' });
    app.register(chassisPlugin(deps), { prefix: '/chassis' });
    app.register(allocationsPlugin(deps), { prefix: '/allocations' });
    app.register(conductorsPlugin(deps), { prefix: '/conductors' });
    app.register(driversPlugin(deps), { prefix: '/drivers' });
    app.register(eventsPlugin(deps), { prefix: '/events' });
    app.register(ramdiskPlugin(deps));
    app.register(volumePlugin(deps), { prefix: '/volume' });
    app.register(templatesPlugin(deps), { prefix: '/deploy_templates' });
    app.register(runbooksPlugin(deps), { prefix: '/runbooks' });
    app.register(inspectionRulesPlugin(deps), { prefix: '/inspection_rules' });
  };
}

/** Both spellings: the first is what every OpenStack service sends, the second is Ironic's since 1.107. */
function addRequestIds(request: FastifyRequest, reply: FastifyReply): void {
  const id = request.id.startsWith('req-') ? request.id : `req-${request.id}`;
  reply.headers({ 'openstack-request-id': id, 'x-openstack-request-id': id });
}
