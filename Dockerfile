# The program alone, in an image without anything else:
#
#   docker build -t zoo .
#   docker run --rm -v zoo-cache:/cache -v "$PWD:/data" zoo predict NAME picture.jpg
#
# The cache is a volume, and pictures are in the folder that is mounted at /data. To write
# there, run as its owner: --user "$(id -u):$(id -g)".
FROM golang:1.26.0 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -buildid=" -o /out/zoo ./cmd/zoo
RUN mkdir /out/cache /out/tmp /out/data && chmod 1777 /out/cache /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/cache /cache
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/zoo /zoo
ENV ZOO_CACHE=/cache
VOLUME /cache
WORKDIR /data
USER 65532:65532
ENTRYPOINT ["/zoo"]
