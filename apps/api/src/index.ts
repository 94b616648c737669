export { type ApiOptions, buildApi, type RateLimits } from "./server.ts";
