# The one recipe, for every image of images/images.toml. `envtool build` fills HAC_BASE in, adds the labels and puts
# the layers beside it; nothing here needs a network, and both of Docker's builders understand every line. A child's has
# its own layers and the instructions of its recipe's Dockerfile.part; all else it inherits.
ARG HAC_BASE
FROM ${HAC_BASE}
ADD layers/10-environment.tar /
ADD layers/20-vendor.tar /
ADD layers/30-envtool.tar /
ADD layers/40-system.tar /
ENV PATH=/opt/hac/fronts:/opt/conda/envs/pytorch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    CONDA_PREFIX=/opt/conda/envs/pytorch \
    CONDA_DEFAULT_ENV=pytorch \
    LANG=C.UTF-8 \
    TZ=Etc/UTC \
    PIP_CONSTRAINT=/etc/hac/constraints.txt \
    UV_CONSTRAINT=/etc/hac/constraints.txt \
    PIP_BUILD_CONSTRAINT=/etc/hac/constraints.txt \
    UV_BUILD_CONSTRAINT=/etc/hac/constraints.txt \
    PIP_FIND_LINKS=/opt/hac/wheels \
    UV_FIND_LINKS=/opt/hac/wheels \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_NO_CACHE_DIR=1 \
    UV_NO_CACHE=1 \
    HAC_GUARD=fail \
    HAC_CACHE=off \
    HAC_FSYNC=off
# The guard: runs each shell-form RUN of this image's children, then looks whether torch is still the vendor's.
SHELL ["/opt/hac/bin/hac-shell", "-c"]
# An init, then a look in milliseconds whether torch is in place. The init passes signals on and reaps what a training leaves behind; -s where another one is the container's first.
ENTRYPOINT ["/opt/hac/envtool/bin/tini", "-s", "--", "/opt/hac/bin/hac-start"]
CMD ["/bin/bash"]
# Not root: the environment is this user's (`hac`), so that pip and conda install there. `USER root` for what is Debian's.
# By number, so that Kubernetes can tell (runAsNonRoot); `envtool build` takes another one where the base has given 1000
# away. Group 0: what a child installs is that group's, as what the image has, and any user of that group can change it.
USER 1000:0
WORKDIR /home/hac
