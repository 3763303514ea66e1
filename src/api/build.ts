// The API as one object: limits, ids, access, errors and metrics, then the table of contents of all routes. Opens no port.

import fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { Clock, Random, Secret } from '../lib/index.ts';
import { type AuthMode, guardAccess } from './access.ts';
import { auditRequests } from './audit-requests.ts';
import { CLUSTER_SCHEMAS } from './cluster-schemas.ts';
import { ENROL_SCHEMAS } from './enrol-schemas.ts';
import { answerBrokenConnection, answerErrors, sendProblem } from './error-replies.ts';
import { fail } from './errors.ts';
import { ironicPlugin } from './ironic/index.ts';
import { ironicPath } from './ironic/paths.ts';
import { readJsonBodies } from './json-body.ts';
import { loggableUrl } from './logger.ts';
import { type ApiMetrics, createApiMetrics } from './metrics.ts';
import { agentPlugin } from './native/agent.ts';
import { agentFilesPlugin } from './native/agent-files.ts';
import { agentNoisePlugin } from './native/agent-noise.ts';
import { answersPlugin, nodeAnswersPlugin } from './native/answers.ts';
import { approvePlugin, rulesPlugin, wipePlanPlugin } from './native/approve.ts';
import { auditPlugin } from './native/audit.ts';
import { checksPlugin } from './native/checks.ts';
import { clustersPlugin } from './native/clusters.ts';
import { discoveryPlugin } from './native/discovery.ts';
import { enrolmentPlugin } from './native/enrolment.ts';
import { enrolmentsPlugin } from './native/enrolments.ts';
import { eventsPlugin } from './native/events.ts';
import { healthPlugin } from './native/health.ts';
import { identityPlugin, sharedMacsPlugin } from './native/identity.ts';
import { ignorePlugin } from './native/ignore.ts';
import { installPlugin } from './native/install.ts';
import { installationPlugin } from './native/installation.ts';
import { installerUploadsPlugin } from './native/installer-uploads.ts';
import { installersPlugin } from './native/installers.ts';
import { networkPlugin } from './native/network.ts';
import { nodesPlugin } from './native/nodes.ts';
import { openapiPlugin } from './native/openapi.ts';
import { nodePipelinePlugin, pipelinesPlugin } from './native/pipelines.ts';
import { powerDonePlugin } from './native/power-done.ts';
import { reasonsPlugin } from './native/reasons.ts';
import { sessionPlugin } from './native/session.ts';
import { setupPlugin } from './native/setup.ts';
import { setupPagePlugin } from './native/setup-page.ts';
import { statesPlugin } from './native/states.ts';
import { statusPlugin } from './native/status.ts';
import { tasksPlugin } from './native/tasks.ts';
import { tokensPlugin } from './native/tokens.ts';
import { usersPlugin } from './native/users.ts';
import { collectRoutes, describeRoutes } from './openapi.ts';
import { guardProjects } from './project.ts';
import { requestIdOf } from './request-id.ts';
import { observeRequests } from './request-log.ts';
import { NAMED_SCHEMAS } from './schemas.ts';
import type { ApiServices } from './services.ts';
import { createValidatorCompiler, NO_COMPILERS } from './validators.ts';

export interface ApiConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly authMode: AuthMode;
  /** Where clients reach us, for links in replies; without it the Host header of each request says. */
  readonly publicUrl?: string;
  /** How long requests under way may take when the appliance stops. */
  readonly drainMs?: number;
  readonly limits?: Partial<ApiLimits>;
}

export interface ApiLimits {
  readonly sseClients: number;
  readonly heartbeatMs: number;
  readonly slowReaderMs: number;
  readonly agentBurst: number;
  readonly agentPerSecond: number;
  /** How long a change below /v1 waits for a node that somebody works on before it gets 409. */
  readonly lockWaitMs: number;
}

export interface ApiDeps {
  readonly services: ApiServices;
  readonly config: ApiConfig;
  /** Null: plain HTTP, which the config allows on loopback or when forced. */
  readonly tls: { readonly cert: string; readonly key: Secret } | null;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  /** Other parts put their metrics on it too. */
  readonly registry?: Registry;
  /** Register the metrics of the process itself: at most once per registry. */
  readonly processMetrics?: boolean;
}

export type ApiApp = FastifyInstance;

/** What every plugin of routes gets. */
export interface RouteDeps {
  readonly services: ApiServices;
  readonly clock: Clock;
  readonly version: string;
  readonly metrics: ApiMetrics;
  readonly limits: ApiLimits;
  readonly publicUrl: string | undefined;
  /** Clients reach us by HTTPS only, ours or that of a proxy in front. */
  readonly hasTls: boolean;
}

const LIMITS: ApiLimits = {
  sseClients: 200,
  heartbeatMs: 15_000,
  slowReaderMs: 30_000,
  agentBurst: 60,
  agentPerSecond: 5,
  lockWaitMs: 3000,
};
const BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 72_000;

export function buildApi(deps: ApiDeps): ApiApp {
  const app = fastify(serverOptions(deps));
  const { services, clock, version, log } = deps;
  const metrics = createApiMetrics({
    registry: deps.registry ?? new Registry(),
    services,
    version,
    log,
    process: deps.processMetrics ?? false,
  });
  app.setValidatorCompiler(createValidatorCompiler());
  // V8's own serialiser: replies are built field by field and held to their schemas by types and tests. Compiled serialisers
  // would cost every start another 45 ms.
  app.setSerializerCompiler(() => (reply) => JSON.stringify(reply));
  const routes = collectRoutes(app);
  for (const schema of [...NAMED_SCHEMAS, ...ENROL_SCHEMAS, ...CLUSTER_SCHEMAS]) app.addSchema(schema);
  readJsonBodies(app);
  observeRequests(app, { clock, metrics, log });
  answerErrors(app, metrics);
  const { sessions, basic, audit } = services.access;
  guardAccess(app, { mode: deps.config.authMode, auth: services.auth, sessions, basic, onRefused: () => metrics.refusals.inc() });
  guardProjects(app, services);
  auditRequests(app, audit);
  app.setNotFoundHandler((request) => {
    throw fail('api.not_found', {
      message: `there is no ${request.method} ${loggableUrl(request.url).split('?')[0]?.slice(0, 200)}`,
      hint: 'GET /api/openapi.json lists what there is.',
    });
  });
  registerRoutes(app, {
    services,
    clock,
    version,
    metrics,
    limits: { ...LIMITS, ...deps.config.limits },
    publicUrl: deps.config.publicUrl,
    hasTls: deps.tls !== null || deps.config.publicUrl?.startsWith('https:') === true,
    describe: () => describeRoutes(routes, version),
  });
  return app;
}

function registerRoutes(app: ApiApp, deps: RouteDeps & { readonly describe: () => Promise<string> }): void {
  app.register(healthPlugin(deps));
  app.register(statusPlugin(deps), { prefix: '/api/status' });
  app.register(nodesPlugin(deps), { prefix: '/api/nodes' });
  app.register(ignorePlugin(deps), { prefix: '/api/nodes' });
  app.register(powerDonePlugin(deps), { prefix: '/api/nodes' });
  app.register(checksPlugin(deps), { prefix: '/api/nodes' });
  app.register(identityPlugin(deps), { prefix: '/api/nodes' });
  app.register(sharedMacsPlugin(deps), { prefix: '/api/shared-macs' });
  app.register(reasonsPlugin(deps), { prefix: '/api/reasons' });
  app.register(eventsPlugin(deps), { prefix: '/api/events' });
  app.register(tasksPlugin(deps), { prefix: '/api/tasks' });
  app.register(enrolmentPlugin(deps), { prefix: '/api/enrolment' });
  app.register(enrolmentsPlugin(deps), { prefix: '/api/enrolments' });
  app.register(wipePlanPlugin(deps), { prefix: '/api/nodes' });
  app.register(approvePlugin(deps), { prefix: '/api/nodes' });
  app.register(rulesPlugin(deps), { prefix: '/api/rules' });
  app.register(clustersPlugin(deps), { prefix: '/api/clusters' });
  app.register(installationPlugin(deps), { prefix: '/api/nodes' });
  app.register(nodePipelinePlugin(deps), { prefix: '/api/nodes' });
  app.register(pipelinesPlugin(deps), { prefix: '/api/pipelines' });
  app.register(discoveryPlugin(deps), { prefix: '/api/discovery' });
  app.register(installPlugin(deps));
  app.register(nodeAnswersPlugin(deps), { prefix: '/api/nodes' });
  app.register(answersPlugin(deps), { prefix: '/api' });
  app.register(installersPlugin(deps), { prefix: '/api/installers' });
  app.register(installerUploadsPlugin(deps), { prefix: '/api/installers/uploads' });
  app.register(networkPlugin(deps), { prefix: '/api/network' });
  app.register(agentPlugin(deps), { prefix: '/api/agent' });
  app.register(agentFilesPlugin(deps), { prefix: '/api/agent' });
  app.register(agentNoisePlugin(deps), { prefix: '/api/agent' });
  app.register(sessionPlugin(deps), { prefix: '/api/session' });
  app.register(setupPlugin(deps), { prefix: '/api' });
  app.register(setupPagePlugin(), { prefix: '/setup' });
  app.register(usersPlugin(deps), { prefix: '/api/users' });
  app.register(tokensPlugin(deps), { prefix: '/api/tokens' });
  app.register(auditPlugin(deps), { prefix: '/api/audit' });
  app.register(statesPlugin(), { prefix: '/api' });
  app.register(openapiPlugin(deps.describe), { prefix: '/api/openapi.json' });
  app.register(ironicPlugin(deps));
}

function serverOptions({ tls, log, random }: ApiDeps): FastifyServerOptions {
  return {
    loggerInstance: log,
    schemaController: NO_COMPILERS,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request' }),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    requestIdHeader: false,
    rewriteUrl: ({ url = '/', headers }) => ironicPath(url, headers.accept),
    genReqId: (request) => requestIdOf(request.headers, random),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 255 },
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply),
    clientErrorHandler: answerBrokenConnection,
    ...(tls === null ? {} : { https: { cert: tls.cert, key: tls.key.reveal(), minVersion: 'TLSv1.2' } }),
  };
}
