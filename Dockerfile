# One image for both services: `api` and `worker` differ only in their command.
FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app

# The workspaces' manifests first, so that the dependencies' layer survives changes of the sources.
COPY package.json package-lock.json .npmrc ./
COPY packages/schema/package.json packages/schema/
COPY packages/legacy/package.json packages/legacy/
COPY packages/tenancy/package.json packages/tenancy/
COPY packages/jobs/package.json packages/jobs/
COPY packages/installation/package.json packages/installation/
COPY packages/embedded/package.json packages/embedded/
COPY apps/api/package.json apps/api/
COPY apps/worker/package.json apps/worker/
COPY apps/cli/package.json apps/cli/
# The image has its own Node and PostgreSQL is a service: neither is brought by npm here.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

COPY packages packages
COPY apps apps

# A volume that is mounted here for the first time takes over whose it is.
RUN install -d -m 0700 -o 1000 -g 1000 /var/lib/tenantry/backups /var/lib/tenantry/legacy

# A number, so that orchestrators can see that it isn't root.
USER 1000:1000
EXPOSE 3000
CMD ["node", "apps/api/src/main.ts"]
