// The API's door: everything that is reached by HTTP, but for boot artefacts.

export type { Access } from './access.ts';
export { type AdminToken, createTokenAuth, ensureAdminToken } from './auth.ts';
export { type ApiApp, type ApiConfig, type ApiDeps, type ApiLimits, buildApi } from './build.ts';
export { API_ERRORS } from './errors.ts';
export { createLogger, LOG_REDACTION } from './logger.ts';
export { createRateLimiter, type RateLimiter } from './rate-limit.ts';
export { type Api, createApi } from './server.ts';
export {
  type ApiServices,
  type AuthService,
  type DhcpNetwork,
  type EnrolmentService,
  type EnrolmentState,
  type EventService,
  type Identity,
  type InspectService,
  type NetworkService,
  type NodeService,
  type PortService,
  type Readiness,
  type ReasonService,
  ROLES,
  type Role,
  type SystemService,
  type SystemStatus,
  type TaskService,
  type Warning,
} from './services.ts';
export { createTaskService } from './task-service.ts';
export { certificateNames, ensureServerCertificate, type ServerCertificate, type ServerCertificateOptions } from './tls.ts';
