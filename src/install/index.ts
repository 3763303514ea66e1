// The door of what a deployment is made of: images of the appliance, config drives, the report of a first boot.

export { createDeployments, type DeploymentOptions, type Deployments } from './deployment.ts';
export { INSTALL_ERRORS } from './errors.ts';
export type { Report as FirstBootReport } from './first-boot.ts';
export { createImageFiles, type ImageFile, type ImageFiles, imageDirectory } from './images.ts';
export { type ImageProfile, imageInstanceInfo } from './profile.ts';
