# The command deeplab-dpc, in a container (g3doc/installation.md#in-a-container).
#
#   docker build --tag deeplab-dpc .
#   docker build --tag deeplab-dpc-gpu --build-arg DEVICE=gpu .
#   docker run --rm --volume "$PWD:/work" deeplab-dpc predict --model=run --output_dir=out photos
ARG DEVICE=cpu

FROM python:3.11-slim AS cpu
ENV TENSORFLOW=tensorflow

# NVIDIA's libraries come with TensorFlow's wheel, the driver from the host.
FROM python:3.11-slim AS gpu
ENV TENSORFLOW=tensorflow[and-cuda]

FROM ${DEVICE}
COPY requirements.txt /source/
RUN pip install --no-cache-dir --requirement /source/requirements.txt "${TENSORFLOW}"
COPY pyproject.toml setup.py README.md LICENSE /source/
COPY deeplab_dpc /source/deeplab_dpc
RUN pip install --no-cache-dir --no-deps /source \
    && useradd --create-home user \
    && mkdir --mode=1777 /work \
    && chmod 1777 /home/user
USER user
ENV HOME=/home/user
WORKDIR /work
ENTRYPOINT ["deeplab-dpc"]
CMD ["--help"]
