/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libmicrohttpd, loaded when it is needed: it brings nine more libraries for TLS, which each start
 * of cowstat would have to load and relocate.
 */
#ifndef COWSTAT_MHD_H
#define COWSTAT_MHD_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

/* What is used of it. The last one belongs to GnuTLS, which libmicrohttpd loads. */
#define MHD_CALLS(C)						\
	C(MHD_start_daemon)					\
	C(MHD_stop_daemon)					\
	C(MHD_quiesce_daemon)					\
	C(MHD_run)						\
	C(MHD_get_timeout)					\
	C(MHD_get_daemon_info)					\
	C(MHD_get_connection_info)				\
	C(MHD_is_feature_supported)				\
	C(MHD_create_response_from_buffer)			\
	C(MHD_create_response_from_buffer_with_free_callback)	\
	C(MHD_add_response_header)				\
	C(MHD_queue_response)					\
	C(MHD_destroy_response)					\
	C(MHD_lookup_connection_value)				\
	C(MHD_suspend_connection)				\
	C(MHD_resume_connection)				\
	C(gnutls_certificate_verify_peers2)

#define MHD_MEMBER(call)	typeof(call) *call;

/**
 * struct mhd - the library's functions, under their own names
 */
struct mhd {
	/* private: one per line of MHD_CALLS */
	MHD_CALLS(MHD_MEMBER)
};

const struct mhd *mhd_load(char *why, size_t len);

#endif /* COWSTAT_MHD_H */
