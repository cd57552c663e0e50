# nginx compiles C and C++ with the same flags: the ones for C++ are set object by object.

for webhook_source in $webhook_sources; do
    webhook_folder=`dirname $webhook_source`
    webhook_object="$NGX_OBJS/addon/`basename $webhook_folder`/`basename $webhook_source .cpp`.o"
    echo "$webhook_object: CFLAGS += -std=c++20 -fvisibility=hidden $WEBHOOK_CXXFLAGS" >> $NGX_MAKEFILE
done
