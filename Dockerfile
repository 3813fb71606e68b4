# simscim in an image of its own: one static binary, certificate authorities, no shell.
#   docker build --build-arg VERSION=$(git describe --tags --always) -t simscim .
# scripts/check-dockerfile.sh carries out these stages without Docker.

FROM golang:1.26-bookworm AS build
ARG VERSION=devel
WORKDIR /src
# Modules first: they change less often than the code and are kept as a layer.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/simscim ./cmd/simscim
RUN mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /var/lib/simscim
COPY --from=build /out/simscim /usr/local/bin/simscim
ENV PATH=/usr/local/bin SIMSCIM_CONFIG=/etc/simscim/simscim.yaml
# A number, so that runAsNonRoot can be checked without a passwd file.
USER 65532:65532
# The store's default place is relative to here; the rest of the file system may be read-only.
WORKDIR /var/lib/simscim
VOLUME /var/lib/simscim
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/simscim"]
# The daemon; give "sync" and its flags instead for a single run.
CMD ["run"]
