# The image of the pages and of the night. Nothing that trains a model is in it, and nothing that builds.
# `make image-steps` follows these steps in an empty folder, without Docker.

FROM node:24-slim AS assets
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --silent --ignore-scripts --legacy-peer-deps

FROM python:3.11-slim-trixie AS build
WORKDIR /src
COPY requirements/serve.txt requirements/serve.txt
RUN python -m venv /app && /app/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements/serve.txt
COPY . .
COPY --from=assets /src/node_modules node_modules
RUN /app/bin/python -m serving assets && /app/bin/python -m pip install --quiet --no-deps . && /app/bin/python -m pip uninstall --quiet --yes pip setuptools

FROM python:3.11-slim-trixie
# LightGBM needs libgomp1; backups need PostgreSQL's own tools, of the version of the database.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 2000 appgroup \
 && useradd --system --uid 2000 --gid appgroup appuser
COPY --from=build /app /app
ARG GIT_REF=unknown
ARG BUILD_NUMBER=unknown
ENV PATH=/app/bin:$PATH GIT_REF=$GIT_REF BUILD_NUMBER=$BUILD_NUMBER ROSH_DATA=/data ROSH_MODE=live
USER 2000
EXPOSE 8080
CMD ["rosh-serving", "serve", "--host", "0.0.0.0", "--port", "8080"]
